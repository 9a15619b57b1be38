"""What a status says of the evidence, in words and in the cells of tables."""

from collections.abc import Sequence

from meshsplit.api.rolloutstatus import DecisionStatus, EvidenceStatus, RolloutStatus
from meshsplit.api.status import ModelSplitStatus

ERRORS = "error-rate"
"""The metric that the column CANARY ERRORS shows, where it is measured."""
CONFIDENCE = "95%"
NOT_SURE = "not sure yet"


def to_step(rollout: RolloutStatus | None) -> str:
    """`2/4`; "" where the evidence sets the weights, and before the first step."""
    return f"{rollout.step}/{rollout.steps}" if rollout is not None and rollout.steps else ""


def find_errors(status: ModelSplitStatus) -> EvidenceStatus | None:
    """The evidence on errors behind the last decision, else on what is measured first; None without any."""
    listed = status.last_decision.evidence if status.last_decision is not None else []
    counted = [each for each in listed if each.requests]
    return next((each for each in counted if each.metric == ERRORS), counted[0] if counted else None)


def to_errors(status: ModelSplitStatus) -> str:
    """`0.28%  0.01–1.28`: the canary's rate and where the true one lies; "" while nothing was counted."""
    found = find_errors(status)
    return f"{found.value}%  {found.low}–{found.high}" if found is not None else ""


def say_errors(evidence: EvidenceStatus) -> str:
    """What was counted of one metric, of both sides, and how they compare."""
    noun = "errors" if evidence.metric == ERRORS else f"bad by {evidence.metric}"
    canary = f"{evidence.errors} {noun} in {evidence.requests} requests"
    rate = f"true rate {evidence.low}–{evidence.high}%"
    stable = f"stable {evidence.stable_errors} in {evidence.stable_requests}"
    parts = [canary, rate, f"{stable} ({evidence.stable_value}%)" if evidence.stable_value else stable]
    if evidence.ratio and evidence.ratio_low and evidence.ratio_high:
        parts.append(f"ratio {evidence.ratio} ({evidence.ratio_low}–{evidence.ratio_high})")
    return ", ".join(parts)


def say_weighing(decision: DecisionStatus) -> str:
    """`harm 0.3 of 100, safety 4.1 of 20`; "" for a decision that rests on no evidence."""
    sides = (
        ("harm", decision.harm, decision.harm_needed),
        ("safety", decision.safety, decision.safety_needed),
    )
    return ", ".join(f"{name} {shown} of {needed}" for name, shown, needed in sides if shown and needed)


def say_verdict(decision: DecisionStatus) -> str:
    """What the evidence so far amounts to: harmful, safe, or not sure yet."""
    if _reaches(decision.harm, decision.harm_needed):
        return "harmful"
    return "safe to promote" if _reaches(decision.safety, decision.safety_needed) else NOT_SURE


def to_lines(status: ModelSplitStatus) -> list[Sequence[str]]:
    """The rows below the numbers of `status`: errors of both sides, their ratio, the evidence."""
    found, decision = find_errors(status), status.last_decision
    if found is None or decision is None:
        return []
    word = "errors" if found.metric == ERRORS else found.metric
    rows: list[Sequence[str]] = [
        (
            f"Canary {word}",
            f"{found.errors} of {found.requests}",
            f"{found.value}%",
            f"true rate {found.low}–{found.high}% ({CONFIDENCE})",
        ),
        (
            f"Stable {word}",
            f"{found.stable_errors} of {found.stable_requests}",
            f"{found.stable_value}%" if found.stable_value else "",
            "",
        ),
    ]
    if found.ratio:
        rows.append(("Ratio", found.ratio, "", _say_interval(found)))
    weighing = say_weighing(decision)
    return [*rows, ("Evidence", weighing, "", say_verdict(decision))] if weighing else rows


def _say_interval(found: EvidenceStatus) -> str:
    if not found.ratio_low and not found.ratio_high:
        return ""
    return f"{found.ratio_low or '0'}–{found.ratio_high or '∞'} ({CONFIDENCE})"


def _reaches(shown: str, needed: str) -> bool:
    value, wanted = to_number(shown), to_number(needed)
    return value is not None and wanted is not None and value >= wanted


def to_number(text: str) -> float | None:
    """A figure of a status; None for "" and whatever is none."""
    try:
        return float(text)
    except ValueError:
        return None
