"""What the status of a ModelSplit says of its rollout: fields and conditions, from the state alone."""

import math
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from meshsplit.analysis.counts import Counts
from meshsplit.analysis.intervals import rate_interval, ratio_interval
from meshsplit.api import rolloutstatus as api
from meshsplit.api.fields import MAX_TEXT, cut
from meshsplit.model import FULL, Strategy
from meshsplit.rollout.leg import find_step, make_ramp
from meshsplit.rollout.obstacles import METRICS_UNAVAILABLE
from meshsplit.rollout.spec import RolloutSpec
from meshsplit.rollout.splits import is_same
from meshsplit.rollout.state import Decision, Phase, Record, RolloutState, Shown
from meshsplit.rollout.storage import to_text

FIGURES = 4
"""Significant digits of a figure."""


class Says(NamedTuple):
    """What one condition says."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def to_parts(state: RolloutState, spec: RolloutSpec) -> api.RolloutParts:
    """The fields of the status; times are whole seconds, as Kubernetes' are."""
    override, pause, kept, rejection = state.override, state.pause, state.kept, state.rejection
    parts = {
        "rollout": _to_rollout(state, spec) if state.id else None,
        "lastDecision": _to_decision(state, state.last) if state.last is not None else None,
        "override": override
        and api.OverrideStatus(
            weights=str(override.split),
            until=_time(override.until),
            by=_word(override.by),
            reason=cut(override.note),
        ),
        "pause": pause
        and api.PauseStatus(
            since=_time(pause.at), freeze=pause.freeze, by=_word(pause.by), reason=cut(pause.note)
        ),
        "rejectedTarget": rejection
        and api.RejectedTarget(
            weights=str(rejection.target),
            reason=rejection.why,
            canary=rejection.canary,
            revision=_word(rejection.revision),
        ),
        "request": state.handled
        and api.RequestStatus(
            token=_word(state.handled.token),
            accepted=state.handled.accepted,
            message=cut(state.handled.message),
        ),
        "kept": kept and api.KeptStatus(member=kept.member, until=_time(kept.until)),
        "history": [_to_entry(record) for record in state.history],
        "checkpoint": to_text(state),
    }
    return api.RolloutParts.model_validate(parts)


def say_state(state: RolloutState, spec: RolloutSpec) -> Says:
    """The group's state as the reason of Ready, which is True all the while: users are served as intended."""
    message = state.last.message if state.last is not None else ""
    if state.override is not None:
        return Says("True", "Overridden", f"serving {state.override.split}; the rollout stands")
    if state.phase in (Phase.ROLLED_BACK, Phase.ABORTED):
        return Says("True", "RolledBack", message)
    if state.pause is not None or spec.suspended:
        return Says("True", "Paused", message)
    if state.active:
        return Says("True", str(state.phase), message)
    return Says("True", "Steady", f"serving {state.serving}")


def say_stalled(state: RolloutState) -> Says:
    """Whether nothing will change before somebody does something."""
    message = state.last.message if state.last is not None else ""
    if state.phase in (Phase.ROLLED_BACK, Phase.ABORTED):
        return Says("True", "RolledBack", message)
    if state.phase is Phase.INCONCLUSIVE:
        return Says("True", "Inconclusive", message)
    return Says("False", "NotStalled")


def say_promoted(state: RolloutState) -> Says:
    """Whether the target was reached: False with a reason when it was given up."""
    message = state.last.message if state.last is not None else ""
    if state.phase in (Phase.ROLLED_BACK, Phase.ABORTED):
        return Says("False", str(state.phase), message)
    if state.active:
        return Says("Unknown", str(state.phase), message)
    if not is_same(state.goal, state.target):
        return Says("Unknown", state.rejection.why if state.rejection is not None else "NoTarget")
    return Says("True", str(state.phase), f"serving {state.goal}")


def say_metrics(state: RolloutState, spec: RolloutSpec, trouble: str = "", problem: str = "") -> Says | None:
    """Whether what is measured can be read; None for a strategy that measures nothing.

    Of a preview only that it cannot be read is said.

    `trouble` and `problem` say why not, in a word and in a sentence, where the last read failed.
    """
    if trouble and state.active:
        return Says("False", trouble, problem)
    if spec.strategy is not Strategy.CANARY:
        return None
    last, measure = state.last, state.measure
    blind = last is not None and last.reason == METRICS_UNAVAILABLE
    if last is not None and (blind or (measure is not None and measure.blind and state.active)):
        return Says("False", METRICS_UNAVAILABLE, last.message)
    if measure is None or measure.read_at is None or last is None:
        return Says("Unknown", "NotRead", "nothing was read for this rollout yet")
    requests = max((shown.canary_requests for shown in last.evidence), default=0)
    return Says("True", "Answering", f"{requests:.0f} requests in this rollout")


def _to_rollout(state: RolloutState, spec: RolloutSpec) -> api.RolloutStatus:
    measure, step, steps, due = state.measure, 0, 0, None
    if measure is not None and state.leg is not None and spec.strategy is Strategy.CANARY:
        ramp = make_ramp(state.leg, spec.policy.course.ramp)
        step, steps = find_step(ramp, measure.weight), len(ramp.steps)
        read_at = measure.started_at if measure.read_at is None else measure.read_at
        due = _time(read_at + spec.policy.read_seconds) if state.active else None
    return api.RolloutStatus(
        id=state.id,
        state=str(state.phase),
        step=step,
        steps=steps,
        startedAt=_time(measure.started_at) if measure is not None else None,
        failedChecks=measure.blind if measure is not None else 0,
        nextCheckAt=due,
        waiting=state.waiting,
    )


def _to_decision(state: RolloutState, last: Decision) -> api.DecisionStatus:
    return api.DecisionStatus(
        time=_time(last.at),
        action=str(last.act),
        reason=last.reason,
        message=cut(last.message),
        by=_word(last.by),
        harm=_figure(last.harm),
        harmNeeded=_figure(last.harm_needed),
        safety=_figure(last.safety),
        safetyNeeded=_figure(last.safety_needed),
        evidence=[_to_evidence(state, shown) for shown in last.evidence[: api.MAX_SHOWN]],
    )


def _to_evidence(state: RolloutState, shown: Shown) -> api.EvidenceStatus:
    canary = rate_interval(shown.canary_requests, shown.canary_bad)
    stable = rate_interval(shown.stable_requests, shown.stable_bad)
    counts = Counts(shown.canary_requests, shown.canary_bad, shown.stable_requests, shown.stable_bad)
    ratio = ratio_interval(counts)
    return api.EvidenceStatus(
        metric=_word(shown.metric),
        member=state.leg.canary if state.leg is not None else "",
        requests=round(shown.canary_requests),
        errors=round(shown.canary_bad),
        value=_percent(canary.point),
        low=_percent(canary.low),
        high=_percent(canary.high),
        stableMember=state.leg.stable if state.leg is not None else "",
        stableRequests=round(shown.stable_requests),
        stableErrors=round(shown.stable_bad),
        stableValue=_percent(stable.point),
        ratio=_figure(ratio.point),
        ratioLow=_figure(ratio.low),
        ratioHigh=_figure(ratio.high),
        harm=_figure(shown.harm),
        safety=_figure(shown.safety),
        dryRun=shown.dry_run,
    )


def _to_entry(record: Record) -> api.HistoryEntry:
    return api.HistoryEntry(
        number=record.number,
        time=_time(record.at),
        action=str(record.act),
        reason=record.reason,
        weights=str(record.split),
        good=record.good,
        rollout=record.rollout,
        by=_word(record.by),
        message=cut(record.note),
    )


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(int(at), UTC)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * FULL:.2f}"


def _figure(value: float | None) -> str:
    """A figure of four digits; "" for none, and for one that is too large to be written down."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.{FIGURES}g}"


def _word(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
