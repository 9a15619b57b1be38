"""Whatever happens to a group, in whatever order, and wherever the controller dies: the rules hold.

The machine makes passes over one group of three members with random targets, reads, readiness, requests,
gates, clocks and crashes. After a crash it goes on from what a controller would have kept: everything that is
urgent, and progress up to a minute old.
"""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from meshsplit.analysis.counts import Counts
from meshsplit.model import Split
from meshsplit.rollout.apportion import apportion
from meshsplit.rollout.engine import advance, is_urgent
from meshsplit.rollout.leg import make_ramp
from meshsplit.rollout.observation import GateResult, Observation, PreviewSeen, Reading
from meshsplit.rollout.requests import Request, Verb
from meshsplit.rollout.splits import is_same, to_thousandths
from meshsplit.rollout.state import Act, Phase, RolloutState
from meshsplit.rollout.storage import to_state, to_text
from support.rollouts import TRAFFIC, Play, bad_counts, blue_green, canary, make_group, make_spec, split

CHECKPOINT_SECONDS = 60.0
MEMBERS = "abc"
TARGETS = [
    split(a=100, b=0, c=0),
    split(a=0, b=100, c=0),
    split(a=80, b=20, c=0),
    split(a=0, b=50, c=50),
    split(a=10, b=0, c=90),
    None,
]
GATE = {"name": "qa", "type": "confirmStep", "url": "https://qa.example.com/ok", "retries": 1}
SPECS = [
    canary(),
    canary(onComplete="Hold"),
    canary(gates=[GATE, {**GATE, "name": "first", "type": "preRollout"}]),
    canary(windows=[{"schedule": "*/30 * * * *", "duration": "15m"}]),
    make_spec({"canary": {}}),
    make_spec(
        {"canary": {"stepWeights": [10, 50]}}, analysis={"deadline": "10m", "onInconclusive": "Advance"}
    ),
    make_spec(
        {"canary": {"stepWeights": [10, 50]}}, analysis={"deadline": "10m", "onInconclusive": "Rollback"}
    ),
    blue_green(),
    blue_green(autoPromotionEnabled=True, prePromotionChecks={"minRequests": 100}),
    make_spec(),
]
seldom = st.sampled_from([False, False, False, True])
BY_EVIDENCE = {Act.ADVANCE, Act.PROMOTE}
BACKWARDS = {Act.ROLLBACK, Act.ABORT, Act.REVERT, Act.RESTART, Act.REBALANCE, Act.RELEASE}


class Rollouts(RuleBasedStateMachine):
    """One group; `kept` is what would be left after a crash, `inputs` everything that was passed in."""

    @initialize(
        spec=st.sampled_from(SPECS), live=st.sampled_from(TARGETS[:4]), wanted=st.sampled_from(TARGETS)
    )
    def begin(self, spec: Any, live: Split | None, wanted: Split | None) -> None:
        self.play = Play(spec, wanted, live=live, names=MEMBERS)
        self.play.revisions = dict.fromkeys(MEMBERS, "1")
        self.kept, self.kept_at = RolloutState(), self.play.now
        self.first_live = live
        self.inputs: list[tuple[Any, ...]] = []
        self.serving: Split | None = live
        self.crashed = False
        self.make_pass(0.0)

    def make_pass(self, seconds: float, **seen: Any) -> None:
        play, before = self.play, self.play.state
        play.now += seconds
        observed = replace(play.seen, revisions=play.revisions, **seen)
        group = play.group
        self.inputs.append((group, play.spec, observed, play.now))
        done = advance(group, play.spec, before, observed, play.now, self.first_live)
        again = to_state(to_text(done.state))
        assert again == done.state
        play.state, play.last = again, done
        self.check(before, again, observed)
        self.check_given_up(before, again, observed)
        if is_urgent(before, again) or abs(play.now - self.kept_at) >= CHECKPOINT_SECONDS:
            self.kept, self.kept_at = again, play.now

    # What may happen.

    @rule(bad=st.sampled_from([0.0, 0.002, 0.002, 0.002, 0.02, 0.5]), times=st.integers(1, 12))
    def read(self, bad: float, times: int) -> None:
        for _ in range(times):
            counts = bad_counts(self.play.weight, bad)
            self.make_pass(15.0, reading=self.play.make_reading(counts))

    @rule(times=st.integers(8, 16))
    def read_well(self, times: int) -> None:
        for _ in range(times):
            self.make_pass(15.0, reading=self.play.make_reading(bad_counts(self.play.weight, 0.0)))

    @rule(counts=st.sampled_from([Counts(), Counts(1, 2, 3, 4), Counts(float("nan"), 0, 1, 0)]))
    def read_rubbish(self, counts: Counts) -> None:
        self.make_pass(15.0, reading=self.play.make_reading(counts))

    @rule()
    def read_stale(self) -> None:
        reading = self.play.make_reading(bad_counts(self.play.weight, 0.0))
        self.make_pass(15.0, reading=reading)
        rollout, measure = self.play.state.id, self.play.state.measure
        self.make_pass(0.0, reading=reading)
        after = self.play.state.measure
        if self.play.state.id == rollout and measure is not None and after is not None:
            assert (after.trial, after.reads) == (measure.trial, measure.reads)

    @rule(seconds=st.sampled_from([0.0, 1.0, 15.0, 600.0, 86_400.0, -3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.make_pass(seconds)

    @rule(wanted=st.sampled_from(TARGETS))
    def target_changes(self, wanted: Split | None) -> None:
        self.aim(wanted)
        self.make_pass(1.0)

    def aim(self, wanted: Split | None) -> None:
        """Set a target as a source would: of the members there are, or none."""
        names = self.play.names
        if wanted is None or not set(to_thousandths(wanted)) <= set(names):
            self.play.target = None
        else:
            self.play.target = Split(tuple((name, wanted.of(name)) for name in names), wanted.total)

    @rule(unready=st.sampled_from(["", "", "a", "b", "c", "bc", "abc"]))
    def readiness_changes(self, unready: str) -> None:
        self.play.unready = unready
        self.make_pass(1.0)

    @rule(names=st.sampled_from(["abc", "abc", "ab", "bc", "a"]))
    def members_change(self, names: str) -> None:
        self.play.names = names
        self.aim(self.play.target)
        self.make_pass(1.0)

    @rule(member=st.sampled_from(MEMBERS), revision=st.sampled_from(["1", "2", "3"]))
    def revision_changes(self, member: str, revision: str) -> None:
        self.play.revisions = {**self.play.revisions, member: revision}
        self.make_pass(1.0)

    @rule(stopped=seldom, slot=seldom.map(lambda taken: not taken), metrics=seldom.map(lambda down: not down))
    def surroundings_change(self, stopped: bool, slot: bool, metrics: bool) -> None:
        traffic, problem = (TRAFFIC, "") if metrics else (None, "down")
        self.play.seen = Observation(traffic=traffic, problem=problem, stopped=stopped, slot_free=slot)
        self.make_pass(1.0)

    @rule(opened=st.booleans())
    def gates_answer(self, opened: bool) -> None:
        calls = [call.call for call in self.play.state.gates]
        self.make_pass(1.0, gates=tuple(GateResult(call, opened, "no") for call in calls))

    @rule(requests=st.integers(0, 200))
    def preview_is_used(self, requests: int) -> None:
        leg = self.play.state.leg
        self.make_pass(1.0, preview=PreviewSeen(self.play.state.id, leg.canary if leg else "b", requests, 0))

    @rule(spec=st.sampled_from(SPECS))
    def strategy_changes(self, spec: Any) -> None:
        self.play.spec = spec
        self.make_pass(1.0)

    @rule(
        verb=st.sampled_from(list(Verb)),
        stale=seldom,
        flag=st.booleans(),
        shares=st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any),
    )
    def somebody_asks(self, verb: Verb, stale: bool, flag: bool, shares: list[int]) -> None:
        rollout = "0ld" if stale else self.play.state.id
        wanted = apportion(dict(zip(MEMBERS, shares, strict=True)))
        request = Request(
            verb, f"t{len(self.inputs)}", rollout, "ann", step=flag, freeze=flag, split=wanted, seconds=300.0
        )
        self.make_pass(1.0, request=request)
        decisions = self.play.state.decisions
        self.make_pass(0.0, request=request)
        if not self.play.state.active:
            assert self.play.state.decisions == decisions

    @rule()
    def the_controller_dies(self) -> None:
        lost, kept = self.play.state, self.kept
        assert (kept.decisions, kept.phase, kept.id) == (lost.decisions, lost.phase, lost.id)
        assert is_same(kept.serving, lost.serving)
        self.play.state = kept
        self.crashed = True
        self.make_pass(1.0)

    # What has to hold.

    def check(self, before: RolloutState, after: RolloutState, seen: Observation) -> None:
        if after.serving is None or self.play.last is None:
            return
        assert self.play.last.outcome.split == after.serving
        was = to_thousandths(before.serving) if before.serving is not None else {}
        now = to_thousandths(after.serving)
        assert sum(now.values()) == 1000
        risen = {name for name, weight in now.items() if weight > was.get(name, 0)}
        if not risen or before.serving is None:
            return
        newest = after.history[-1]
        assert newest.number > before.decisions, "the split changed without a reason on record"
        left = {name for name in was if name not in self.play.names}
        if not left:
            assert not risen & set(self.play.unready), f"{risen} is not ready and got more"
        self.check_reason(before, after, seen, risen)

    def check_given_up(self, before: RolloutState, after: RolloutState, seen: Observation) -> None:
        """A rejected target is tried again only for a reason."""
        rejection, target = before.rejection, self.play.target
        if rejection is None or after.rejection == rejection or seen.request:
            return
        same_target = target is not None and is_same(target, rejection.target)
        revision = self.play.revisions[rejection.canary] if rejection.canary else rejection.revision
        assert (
            not same_target
            or revision != rejection.revision
            or is_same(before.goal, target)
            or (after.history[-1].act is Act.REBALANCE)
        )

    def check_reason(
        self, before: RolloutState, after: RolloutState, seen: Observation, risen: set[str]
    ) -> None:
        """The canary gets more only by evidence, by a person, by the user's wish, or on the way back."""
        newest = after.history[-1]
        if newest.act in BACKWARDS or after.leg is None or after.leg.canary not in risen:
            return
        if newest.reason == "Requested":
            assert seen.request
            assert newest.by == "ann"
            if newest.act is Act.ADVANCE:
                self.check_step(before, after)
        elif newest.act is Act.START:
            self.check_start(before, after, seen)
        elif newest.act in BY_EVIDENCE and newest.reason == "Evidence":
            self.check_evidence(before, after, seen)
        elif newest.act in BY_EVIDENCE:
            assert newest.reason == "Inconclusive"
            assert self.play.spec.policy.on_inconclusive == "Advance"
        else:
            assert newest.act in {Act.FLIP, Act.APPLY, Act.ADOPT, Act.OVERRIDE}

    def check_start(self, before: RolloutState, after: RolloutState, seen: Observation) -> None:
        assert seen.slot_free
        assert not seen.stopped
        assert after.pause is None
        assert after.leg is not None
        ramp = make_ramp(after.leg, self.play.spec.policy.course.ramp)
        if ramp.steps:
            assert after.measure is not None
            assert after.measure.weight == ramp.steps[0]

    def check_evidence(self, before: RolloutState, after: RolloutState, seen: Observation) -> None:
        reading, last = seen.reading, after.last
        assert isinstance(reading, Reading)
        assert last is not None
        assert last.evidence
        assert not seen.stopped
        assert (before.pause, before.override) == (None, None)
        if after.phase is Phase.PROMOTED:
            assert last.safety is not None
            assert last.safety_needed is not None
            assert last.safety >= last.safety_needed
            return
        self.check_step(before, after)

    def check_step(self, before: RolloutState, after: RolloutState) -> None:
        assert before.measure is not None
        assert after.measure is not None
        assert before.leg is not None
        ramp = make_ramp(before.leg, self.play.spec.policy.course.ramp)
        allowed = [step for step in ramp.steps if step > before.measure.weight]
        if allowed:
            assert after.measure.weight == allowed[0], "a step was skipped or repeated"
        else:
            assert after.measure.weight <= min(3 * before.measure.weight, ramp.last)

    @invariant()
    def what_was_given_up_stays_so(self) -> None:
        """A rejected target is not gone to, unless nobody else is left to answer."""
        state = self.play.state
        if state.rejection is not None and is_same(state.goal, state.rejection.target):
            assert state.history[-1].act is Act.REBALANCE

    @invariant()
    def the_history_is_bounded(self) -> None:
        numbers = [record.number for record in self.play.state.history]
        assert len(numbers) <= 10
        assert numbers == sorted(set(numbers))

    def teardown(self) -> None:
        """The same inputs give the same state, without a crash and without JSON in between."""
        if not hasattr(self, "inputs") or self.crashed:
            return
        state = RolloutState()
        for group, spec, observed, now in self.inputs:
            state = advance(group, spec, state, observed, now, self.first_live).state
        assert state == self.play.state


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


class Slots(RuleBasedStateMachine):
    """Six groups and two slots: never more than two rollouts run."""

    LIMIT = 2

    @initialize()
    def begin(self) -> None:
        self.plays = [Play(canary(), split(a=100, b=0)) for _ in range(6)]

    def running(self) -> int:
        return sum(play.state.takes_slot for play in self.plays)

    @rule(at=st.integers(0, 5), good=st.booleans(), rate=st.sampled_from([0.002, 0.002, 0.5]))
    def one_pass(self, at: int, good: bool, rate: float) -> None:
        play = self.plays[at]
        free = self.running() < self.LIMIT
        if play.state.measure is None or good:
            play.step(15.0, slot_free=free)
        else:
            play.read(bad_counts(play.weight, rate), slot_free=free)

    @rule(at=st.integers(0, 5), weight=st.integers(0, 100))
    def new_target(self, at: int, weight: int) -> None:
        self.plays[at].target = split(a=100 - weight, b=weight)

    @rule(at=st.integers(0, 5), revision=st.sampled_from("123"))
    def new_revision(self, at: int, revision: str) -> None:
        self.plays[at].revisions = {"a": "1", "b": revision}

    @invariant()
    def at_most_two_run(self) -> None:
        if hasattr(self, "plays"):
            assert self.running() <= self.LIMIT


TestSlots = Slots.TestCase
TestSlots.settings = settings(max_examples=50, stateful_step_count=50, deadline=None)


def test_the_machine_is_about_the_members_it_names() -> None:
    assert [member.name for member in make_group(TARGETS[0], MEMBERS).members] == list(MEMBERS)
