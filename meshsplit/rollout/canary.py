"""A canary: from the start to the target in steps, each on evidence."""

from dataclasses import replace

from meshsplit.analysis.ramp import FULL_WEIGHT, GROWTH, READS_APART
from meshsplit.analysis.verdict import Verdict
from meshsplit.analysis.walk import Act as Proposal
from meshsplit.analysis.walk import Course, Move
from meshsplit.model import FULL, Split
from meshsplit.rollout import gates, measuring
from meshsplit.rollout.ends import end
from meshsplit.rollout.leg import Leg, find_first, find_following, find_step, make_ramp
from meshsplit.rollout.obstacles import (
    AWAITING_PROMOTION,
    FROZEN,
    GATE_CLOSED,
    METRICS_UNAVAILABLE,
    NO_SLOT,
    STANDSTILLS,
    Obstacle,
    find_obstacle,
    find_standstill,
)
from meshsplit.rollout.saying import say_evidence, say_waiting
from meshsplit.rollout.spec import GateType
from meshsplit.rollout.state import Act, Measure, Phase, RolloutState
from meshsplit.rollout.turn import Turn, decide, hold

BLIND_READS = 4
"""Reads in a row without evidence after which it is told: a minute of them."""
SCARCE_READS = 20
"""Reads on one step after which it is told that requests are too few: five minutes of them."""
INCONCLUSIVE, NOT_ENOUGH = "Inconclusive", "NotEnoughEvidence"


def step_canary(state: RolloutState, turn: Turn) -> RolloutState:
    """One pass over a group with a canary strategy."""
    if not state.active or state.leg is None:
        return gates.chase(state, turn)
    if state.measure is None:
        return _wait_or_start(replace(state, phase=Phase.PENDING), state.leg, turn)
    course = measuring.make_course(turn.spec, state.leg, state.measure)
    measure = measuring.renew(state.measure, course) or state.measure
    return _Pass(turn, state.leg, course).walk(replace(state, measure=measure), measure)


def start(state: RolloutState, leg: Leg, turn: Turn, reason: str, message: str, by: str = "") -> RolloutState:
    """Give the canary its first weight."""
    ramp = make_ramp(leg, turn.spec.policy.course.ramp)
    weight = find_first(leg, ramp, turn.seen.traffic or 0.0)
    measure = measuring.start(turn.spec, turn, weight)
    state = gates.settle(replace(state, phase=Phase.PROGRESSING, measure=measure, waiting=""))
    said = f"{leg.canary} {_percent(leg.low)} → {_percent(weight)}{say_step(turn, leg, weight)}: {message}"
    return decide(state, turn, Act.START, reason, said, goal=leg.at(weight), by=by)


def raise_weight(
    state: RolloutState,
    measure: Measure,
    leg: Leg,
    turn: Turn,
    weight: int,
    reason: str,
    message: str,
    *,
    by: str = "",
    verdict: Verdict | None = None,
) -> RolloutState:
    """Give the canary a larger weight, in thousandths."""
    moved = replace(measure, weight=weight, since=measure.elapsed, reads=0)
    state = gates.settle(replace(state, phase=Phase.PROGRESSING, measure=moved, waiting=""))
    before = _percent(measure.weight)
    said = f"{leg.canary} {before} → {_percent(weight)}{say_step(turn, leg, weight)}: {message}"
    return decide(state, turn, Act.ADVANCE, reason, said, goal=leg.at(weight), by=by, verdict=verdict)


def promote(
    state: RolloutState,
    leg: Leg,
    turn: Turn,
    reason: str,
    message: str,
    *,
    goal: Split | None = None,
    by: str = "",
    note: str = "",
    verdict: Verdict | None = None,
) -> RolloutState:
    """Give the canary its share of the target; with a `goal` go there at once, others' shares included."""
    said = f"{leg.canary} is promoted to {_percent(leg.high)}: {message}"
    return end(
        state,
        turn,
        Phase.PROMOTED,
        Act.PROMOTE,
        reason,
        said,
        goal=goal or leg.end,
        by=by,
        note=note,
        verdict=verdict,
    )


def say_step(turn: Turn, leg: Leg, weight: int) -> str:
    """` (step 2/4)`, or nothing for a ramp without steps."""
    ramp = make_ramp(leg, turn.spec.policy.course.ramp)
    return f" (step {find_step(ramp, weight)}/{len(ramp.steps)})" if ramp.steps else ""


def _percent(weight: int) -> str:
    return f"{weight * FULL / FULL_WEIGHT:g}"


def _wait_or_start(state: RolloutState, leg: Leg, turn: Turn) -> RolloutState:
    obstacle = find_obstacle(state, turn)
    if obstacle is None and not turn.seen.slot_free:
        obstacle = Obstacle(NO_SLOT, "as many rollouts run as may at the same time")
    if obstacle is None and (turn.seen.problem or turn.seen.traffic is None):
        obstacle = Obstacle(METRICS_UNAVAILABLE, turn.seen.problem or "nothing was read yet")
    if obstacle is not None:
        return hold(state, turn, obstacle.reason, obstacle.message, waiting=True)
    asked = gates.ask(state, turn, GateType.PRE_ROLLOUT)
    if asked.closed:
        return hold(asked.state, turn, GATE_CLOSED, f"gate {asked.closed}: {asked.message}", waiting=True)
    return start(asked.state, leg, turn, "Started", "the rollout begins")


class _Pass:
    """One pass over a rollout under way."""

    def __init__(self, turn: Turn, leg: Leg, course: Course) -> None:
        self.turn = turn
        self.leg = leg
        self.course = course

    def walk(self, state: RolloutState, measure: Measure) -> RolloutState:
        """Judge what was read, if anything was; `measure` is the state's."""
        asked = self._ask_for_rollback(state)
        if asked is not None:
            state, rolled_back = asked
            if rolled_back:
                return state
        reading = self.turn.seen.reading
        if reading is None or not measuring.is_fresh(state, reading):
            return self._without_read(state, measure)
        if measure.elapsed < self.turn.spec.policy.initial_delay:
            state = replace(state, cursor=reading.cursor, measure=replace(measure, read_at=reading.at))
            return hold(state, self.turn, "InitialDelay", "what the canary does at first does not count")
        state, move = measuring.judge(state, measure, self.course, reading)
        return self._act_on(self._tell_trouble(state, move), move)

    def _ask_for_rollback(self, state: RolloutState) -> tuple[RolloutState, bool] | None:
        """Roll back when a gate for that opens."""
        canary = self.turn.spec.canary
        wanted = [g for g in canary.gates if g.type is GateType.ROLLBACK] if canary is not None else []
        if not wanted or _is_frozen(state):
            return None
        asked = gates.ask(state, self.turn, GateType.ROLLBACK)
        if asked.closed:
            return asked.state, False
        names = ", ".join(gate.name for gate in wanted)
        return self._roll_back(asked.state, "RollbackGate", f"gate {names} asks for it", None), True

    def _without_read(self, state: RolloutState, measure: Measure) -> RolloutState:
        standing = find_standstill(state, self.turn)
        if standing is not None:
            return hold(state, self.turn, standing.reason, standing.message, waiting=True)
        if state.phase is Phase.AWAITING_PROMOTION:
            return self._await(state, None)
        if measuring.is_overdue(measure, self.course):
            return self._give_up(state, None)
        if self.turn.seen.problem:
            self._tell_blindness(state, measure)
            return hold(state, self.turn, METRICS_UNAVAILABLE, self.turn.seen.problem)
        if state.waiting in STANDSTILLS or (state.last and state.last.reason == METRICS_UNAVAILABLE):
            return hold(state, self.turn, NOT_ENOUGH, "the next read decides")
        return state

    def _act_on(self, state: RolloutState, move: Move) -> RolloutState:
        if move.act is Proposal.ROLLBACK:
            if _is_frozen(state):
                message = f"frozen, although {say_evidence(move.verdict)}"
                return hold(state, self.turn, FROZEN, message, verdict=move.verdict, waiting=True)
            return self._roll_back(state, "Harm", say_evidence(move.verdict), move.verdict)
        standing = find_standstill(state, self.turn)
        if standing is not None:
            return self._stand(state, standing, move.verdict)
        if state.phase is Phase.AWAITING_PROMOTION:
            return self._await(state, move.verdict)
        if move.act is Proposal.INCONCLUSIVE:
            return self._give_up(state, move.verdict)
        if move.act is Proposal.HOLD:
            reason, message = say_waiting(move.verdict)
            return hold(state, self.turn, reason or NOT_ENOUGH, message, verdict=move.verdict)
        return self._move(state, move.act, move.weight, "Evidence", move.verdict)

    def _move(
        self, state: RolloutState, act: Proposal, weight: int, reason: str, verdict: Verdict | None
    ) -> RolloutState:
        """Advance to `weight` or promote, unless something other than evidence is against it."""
        obstacle = find_obstacle(state, self.turn)
        if obstacle is not None:
            return self._stand(state, obstacle, verdict)
        if act is Proposal.PROMOTE and self.turn.spec.policy.on_complete == "Hold":
            return self._await(state, verdict)
        kind = GateType.CONFIRM_PROMOTION if act is Proposal.PROMOTE else GateType.CONFIRM_STEP
        asked = gates.ask(state, self.turn, kind, weight)
        state, measure = asked.state, asked.state.measure
        if asked.closed:
            return self._stand(state, Obstacle(GATE_CLOSED, f"gate {asked.closed}: {asked.message}"), verdict)
        message = say_evidence(verdict) if verdict is not None else "without evidence"
        if act is Proposal.PROMOTE or measure is None:
            return promote(state, self.leg, self.turn, reason, message, verdict=verdict)
        return raise_weight(state, measure, self.leg, self.turn, weight, reason, message, verdict=verdict)

    def _give_up(self, state: RolloutState, verdict: Verdict | None) -> RolloutState:
        """Do what is wanted of a rollout that has taken too long."""
        policy, measure = self.turn.spec.policy, state.measure
        said = f"; {say_evidence(verdict)}" if verdict is not None else ""
        message = f"no verdict in the time there was{said}"
        if policy.on_inconclusive == "Rollback" and not _is_frozen(state):
            return self._roll_back(state, INCONCLUSIVE, message, verdict)
        if policy.on_inconclusive == "Advance" and measure is not None:
            pause = max(self.course.ramp.interval, READS_APART * policy.read_seconds)
            if measure.elapsed - measure.since >= pause:
                following = find_following(self.course.ramp, measure.weight, GROWTH)
                act = Proposal.PROMOTE if following is None else Proposal.ADVANCE
                return self._move(state, act, following or 0, INCONCLUSIVE, verdict)
            return hold(state, self.turn, INCONCLUSIVE, message, verdict=verdict)
        if state.phase is not Phase.INCONCLUSIVE:
            state = replace(state, phase=Phase.INCONCLUSIVE)
            self.turn.tell(state, "RolloutInconclusive", message, warning=True)
        return hold(state, self.turn, INCONCLUSIVE, message, verdict=verdict)

    def _await(self, state: RolloutState, verdict: Verdict | None) -> RolloutState:
        state = replace(state, phase=Phase.AWAITING_PROMOTION)
        message = "safe to promote; onComplete is Hold, so somebody has to"
        return hold(state, self.turn, AWAITING_PROMOTION, message, verdict=verdict, waiting=True)

    def _stand(self, state: RolloutState, obstacle: Obstacle, verdict: Verdict | None) -> RolloutState:
        return hold(
            state,
            self.turn,
            obstacle.reason,
            obstacle.message,
            verdict=verdict,
            waiting=obstacle.stops_clock,
        )

    def _roll_back(
        self, state: RolloutState, reason: str, message: str, verdict: Verdict | None
    ) -> RolloutState:
        said = f"{self.leg.canary} is rolled back to {_percent(self.leg.low)}: {message}"
        return end(
            replace(state, override=None),
            self.turn,
            Phase.ROLLED_BACK,
            Act.ROLLBACK,
            reason,
            said,
            goal=self.leg.start,
            verdict=verdict,
        )

    def _tell_blindness(self, state: RolloutState, measure: Measure) -> None:
        """Tell when nothing could be read for as long as reads without evidence are borne."""
        read_at = measure.started_at if measure.read_at is None else measure.read_at
        if self.turn.now - read_at >= BLIND_READS * self.turn.spec.policy.read_seconds:
            self.turn.tell(state, METRICS_UNAVAILABLE, self.turn.seen.problem, warning=True)

    def _tell_trouble(self, state: RolloutState, move: Move) -> RolloutState:
        """Tell once of reads without evidence, and once a step of too few requests."""
        measure = state.measure
        if measure is None:
            return state
        if measure.blind == BLIND_READS:
            problems = "; ".join(f"{each.metric}: {each.reason}" for each in move.verdict.problems)
            self.turn.tell(state, "MetricsUnavailable", problems, warning=True)
        if measure.reads == SCARCE_READS and move.act is Proposal.HOLD and not measure.blind:
            self.turn.tell(state, "NotEnoughRequests", say_evidence(move.verdict), warning=True)
        return state


def _is_frozen(state: RolloutState) -> bool:
    return state.pause is not None and state.pause.freeze
