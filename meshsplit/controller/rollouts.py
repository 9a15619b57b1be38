"""What the split of each group is: the target at once, or a step of its rollout."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from meshsplit.analysis.metrics import Signal
from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.controller.routed import Routed
from meshsplit.controller.selection import find_current, find_followed
from meshsplit.controller.step import make_step
from meshsplit.controller.wishes import ERRORS, Wish, to_metrics
from meshsplit.kserve.objects import SplitRequest
from meshsplit.model import Outcome, Strategy
from meshsplit.rollout.engine import advance
from meshsplit.rollout.leg import make_ramp
from meshsplit.rollout.observation import Observation
from meshsplit.rollout.spec import STATIC, to_rollout_spec
from meshsplit.rollout.state import RolloutState
from meshsplit.rollout.storage import Unreadable, to_state
from meshsplit.rollout.targets import decide_split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meshsplit.controller.cache import View
    from meshsplit.controller.gatecalls import GateCalls
    from meshsplit.controller.live import LiveSplit
    from meshsplit.controller.measured import Measured
    from meshsplit.controller.meter import Meter
    from meshsplit.controller.notices import Notices
    from meshsplit.controller.slots import Slots
    from meshsplit.controller.step import Step
    from meshsplit.model import Group, GroupKey, Settings
    from meshsplit.rollout.observation import PreviewSeen
    from meshsplit.rollout.spec import PreviewChecks, RolloutSpec
    from meshsplit.rollout.state import Measure

log = logging.getLogger(__name__)

GATEWAY = "gateway"
"""The source that reads gateways and model servers themselves."""

READS_IN_PREVIEW = 2
"""Reads that a preview's time holds at least; a shorter one would hold none."""

FIRST_READS = 4.0
"""Seconds between reads before a rollout begins, where two of them tell how much traffic there is, and after
a change of weight until one counts."""
PATIENT_AFTER = 2.0
"""Reads at the usual pace after which a source that tells nothing of a new weight is not hurried any more."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The outcome of a group, and the step of its rollout if it is walked."""

    outcome: Outcome
    step: Step | None = None


class Rollouts:
    """Decides about one group after another, for several threads; `wall` are Unix seconds.

    `read_settings` gives the settings of now: the limit and the switch for all rollouts may change.
    """

    def __init__(
        self,
        meter: Meter,
        gates: GateCalls,
        notices: Notices,
        slots: Slots,
        read_settings: Callable[[], Settings],
        wall: Callable[[], float],
    ) -> None:
        self.meter = meter
        self.gates = gates
        self.notices = notices
        self.slots = slots
        self._read_settings = read_settings
        self._wall = wall
        self._routed = Routed(wall)

    def take_over(self, splits: Iterable[LiveSplit]) -> None:
        """Count the rollouts that run already; before any group is decided about."""
        for split in splits:
            self.slots.note(split.key, find_state(split).takes_slot)

    def decide(self, view: View, group: Group, acting: bool) -> Decided:
        """The split of a group now; `acting` says that it will be acted on, and takes the slot for it."""
        live = find_current(view)
        split = find_followed(view.splits, Outcome(group, None))
        if split is None or not is_walked(group, split):
            return Decided(decide_split(group, live))
        request = _read_request(view, split)
        spec = to_rollout_spec(request.spec) if request is not None else STATIC
        before = find_state(split)
        measured = self.meter.find(group.key)
        if before.leg is not None:
            measured = self._routed.weigh(group.key, measured, before.leg.canary)
        if acting:
            self._routed.note(group.key, live)
        state, seen = self._observe(view, group, split, before, measured, acting)
        step = advance(group, spec, state, seen, self._wall(), live)
        if before.measure is None and step.state.measure is not None and measured is not None:
            # The first read of the rollout goes on where the last one before it ended.
            step = replace(step, state=replace(step.state, cursor=measured.cursor))
        return Decided(step.outcome, make_step(before, step, spec, measured, seen.gates))

    def tell(self, key: GroupKey, step: Step | None) -> None:
        """Tell whom it concerns of what is kept."""
        if step is not None:
            self.notices.send(key, step.advance.notices)

    def follow(self, view: View, outcome: Outcome, step: Step | None, *, written: bool) -> None:
        """Take up what a kept step entails: its slot, what is to be measured, and the gates to call.

        `written` says that the routes are as `outcome` has them.
        """
        group = outcome.group
        key = group.key
        if step is None:
            self.leave(key)
            return
        if written:
            self._routed.note(key, outcome.split)
        split = find_followed(view.splits, outcome)
        state, request = step.kept, _read_request(view, split) if split is not None else None
        self.slots.note(key, state.takes_slot)
        if request is None or not state.active or not _is_measured(step.spec):
            self.meter.drop(key)
        else:
            self.meter.put(self._make_wish(group, state, step.spec, request, self.meter.find(key)))
        self.gates.drop(key, step.gates)
        self.gates.make(key, step.advance.calls)

    def leave(self, key: GroupKey) -> None:
        """The group is walked no more, or is gone."""
        self.slots.note(key, taken=False)
        self.meter.drop(key)
        self.gates.forget(key)
        self._routed.forget(key)

    def stop(self) -> None:
        """Read nothing, call nobody and tell nobody any more."""
        self.meter.stop()
        self.gates.stop()
        self.notices.stop()

    def _observe(
        self,
        view: View,
        group: Group,
        split: LiveSplit,
        before: RolloutState,
        measured: Measured | None,
        acting: bool,
    ) -> tuple[RolloutState, Observation]:
        settings = self._read_settings()
        find_slot = self.slots.claim if acting else self.slots.is_free
        reading, state = None, before
        if measured is not None and before.measure is not None and measured.since == before.cursor:
            if measured.reading is not None:
                reading = measured.reading
            elif measured.cursor != before.cursor:
                state = replace(before, cursor=measured.cursor)
        services = view.observed.services.values()
        names = {member.name for member in group.members}
        seen = Observation(
            revisions={
                service.name: service.revision
                for service in services
                if service.namespace == group.key.namespace and service.name in names
            },
            reading=reading,
            traffic=measured.traffic if measured is not None and measured.history is not None else None,
            problem=measured.problem if measured is not None else "",
            history=measured.pasts if measured is not None else {},
            bursts=measured.bursts if measured is not None else {},
            latency=measured.latency if measured is not None else (),
            preview=self._see_preview(measured),
            gates=self.gates.find(group.key),
            request=split.request,
            slot_free=before.takes_slot or find_slot(group.key, settings.max_concurrent_rollouts),
            stopped=settings.stop_rollouts,
        )
        return state, seen

    def _see_preview(self, measured: Measured | None) -> PreviewSeen | None:
        """What is known of the side that is not active; nothing while it cannot be read."""
        if measured is None or measured.problem or measured.preview is None:
            return None
        return measured.preview.see(self._wall())

    def _make_wish(
        self,
        group: Group,
        state: RolloutState,
        spec: RolloutSpec,
        request: SplitRequest,
        measured: Measured | None,
    ) -> Wish:
        source = request.spec.analysis.source if request.spec.analysis is not None else None
        address = self._read_settings().prometheus
        if source is not None:
            address = source.prometheus.address if source.prometheus is not None else GATEWAY
        wish = Wish(
            key=group.key,
            members=group.members,
            source=address,
            seconds=spec.policy.read_seconds,
            metrics=to_metrics(request.spec),
            policy=spec.policy,
            stable=state.leg.stable if state.leg is not None else "",
            canary=state.leg.canary if state.leg is not None else "",
        )
        if spec.blue_green is not None and spec.blue_green.checks is not None:
            return self._make_preview_wish(wish, state, spec.blue_green.checks, measured)
        if state.measure is None or state.leg is None:
            return replace(
                wish, seconds=min(wish.seconds, FIRST_READS), cursor=measured.cursor if measured else ""
            )
        ramp = make_ramp(state.leg, spec.policy.course.ramp)
        decided = state.history[-1].at if state.history else None
        changes = [at for at in (decided, self._routed.changed_at(group.key)) if at is not None]
        changed_at = max(changes, default=None)
        return replace(
            wish,
            seconds=self._find_pause(wish.seconds, state.measure, changed_at),
            rollout=state.id,
            weight=state.measure.weight,
            top=state.measure.weight >= min(ramp.last, FULL_WEIGHT),
            cursor=state.cursor,
            edges={name: tuple(edge for edge, _ in edges) for name, edges in state.measure.edges},
            changed_at=changed_at,
        )

    def _find_pause(self, seconds: float, measure: Measure, changed_at: float | None) -> float:
        """The seconds between reads: few until one counts after a change of weight, else `seconds`.

        What is read across the change is left out, so a read just after it is where the next can begin.
        """
        if measure.reads or changed_at is None:
            return seconds
        late = self._wall() - changed_at > PATIENT_AFTER * seconds
        return seconds if late else min(seconds, FIRST_READS)

    def _make_preview_wish(
        self, wish: Wish, state: RolloutState, checks: PreviewChecks, measured: Measured | None
    ) -> Wish:
        """The failures of the side that is not active; another rollout begins to count anew."""
        known = measured.preview if measured is not None else None
        goes_on = measured is not None and known is not None and known.rollout == state.id
        return replace(
            wish,
            metrics=((ERRORS, Signal.ERRORS),),
            rollout=state.id,
            stable="",
            cursor=measured.cursor if measured is not None and goes_on else "",
            changed_at=self._routed.changed_at(wish.key),
            preview=max(checks.within, READS_IN_PREVIEW * wish.seconds),
        )


def _is_measured(spec: RolloutSpec) -> bool:
    """Whether counters decide about its rollouts."""
    previewed = spec.blue_green is not None and spec.blue_green.checks is not None
    return previewed or spec.strategy is Strategy.CANARY


def _read_request(view: View, split: LiveSplit) -> SplitRequest | None:
    """What a ModelSplit asks for, if it can be read."""
    request = view.observed.splits.get(split.reading.split.ref)
    return request if isinstance(request, SplitRequest) else None


def is_walked(group: Group, split: LiveSplit) -> bool:
    """Whether the group has a strategy, had one, or a person asks something of it."""
    asked = split.request is not None or bool(split.checkpoint)
    return asked or group.strategy is not Strategy.STATIC


def find_state(split: LiveSplit) -> RolloutState:
    """The state that was kept; one that cannot be read is none: what serves is then adopted."""
    checkpoint = split.checkpoint
    if not checkpoint:
        return RolloutState()
    try:
        return to_state(checkpoint)
    except Unreadable as error:
        log.warning("the state of the rollout is lost", extra={"group": str(split.key), "error": str(error)})
        return RolloutState()
