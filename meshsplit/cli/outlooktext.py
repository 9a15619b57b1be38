"""How much longer a rollout takes, for people and for reports."""

import math
from typing import Any

from meshsplit.analysis.walk import Act
from meshsplit.cli.rolloutstate import read_rollout
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.whynot import is_active
from meshsplit.rollout.outlook import Coming, Outlook, Untold, find_outlook
from meshsplit.simulation.words import OUTCOMES, to_amount, to_duration, to_weight

_DIGITS = 2
"""Of a number of requests that is only about right."""


def read_outlook(split: LiveSplit) -> Outlook | Untold | None:
    """What is foreseen of a rollout under way; None where none is."""
    if not is_active(split.status) or split.strategy != "Canary":
        return None
    read = read_rollout(split)
    if read is None:
        return Untold("what the controller remembers is of another version")
    spec, state = read
    return find_outlook(state, spec)


def say_outlook(outlook: Outlook | Untold | None) -> list[str]:
    """The sentences on what is still missing; honest where that cannot be said."""
    if outlook is None:
        return []
    if isinstance(outlook, Untold):
        return [f"How much longer it takes cannot be said: {outlook.why}."]
    pace = f"at the {to_amount(outlook.traffic)} req/s so far"
    said = [f"If {outlook.canary} is as good as {outlook.stable}, {pace}: {_say_coming(outlook)}."]
    failing = outlook.failing
    if failing is not None and failing.act is Act.ROLLBACK:
        after = _say_after(failing.requests, failing.seconds)
        said.append(f"If it goes on failing as often as it did: rolled back {after}.")
    if outlook.unforeseen:
        said.append(f"Not foreseen, and may take longer: {', '.join(outlook.unforeseen)}.")
    return said


def to_outlook_report(outlook: Outlook | Untold | None) -> dict[str, Any] | None:
    """The same as a part of an ExplainReport; `why` says why nothing can be foreseen."""
    if outlook is None:
        return None
    if isinstance(outlook, Untold):
        return {"why": outlook.why, "traffic": None, "healthy": None, "failing": None}
    failing = outlook.failing
    return {
        "why": None,
        "traffic": round(outlook.traffic, 3),
        "healthy": _to_entry(outlook.healthy),
        "failing": None if failing is None else _to_entry(failing),
    }


def _say_coming(outlook: Outlook) -> str:
    coming, step = outlook.healthy, ""
    if coming.next_weight is not None:
        after = _say_after(coming.next_requests, coming.next_seconds)
        step = f"on to {to_weight(coming.next_weight)}% {after}; "
    if coming.act is Act.INCONCLUSIVE:
        alone = (
            f"showing that it is safe takes about {to_duration(outlook.needed)} at the last weight"
            if math.isfinite(outlook.needed)
            else "that it is safe can never be shown with this margin"
        )
        return f"{step}no verdict is possible in the {to_duration(coming.seconds)} that are left, {alone}"
    word = "for a person to promote" if outlook.by_hand else "promoted"
    if coming.act is Act.ROLLBACK:
        word = "rolled back for what it did before"
    if step:
        return f"{step}{word} after about {_about(coming.requests)} ({to_duration(coming.seconds)})"
    return f"{word} {_say_after(coming.requests, coming.seconds)}"


def _say_after(requests: float, seconds: float) -> str:
    return f"after about {_about(requests)} more requests to it ({to_duration(seconds)})"


def _about(requests: float) -> str:
    """Two digits of a number, rounded up."""
    unit = 10 ** max(math.floor(math.log10(max(requests, 1.0))) - _DIGITS + 1, 0)
    return f"{math.ceil(requests / unit) * unit:,}"


def _to_entry(coming: Coming) -> dict[str, Any]:
    return {
        "outcome": OUTCOMES[coming.act],
        "seconds": round(coming.seconds),
        "canaryRequests": math.ceil(coming.requests),
        "nextWeight": None if coming.next_weight is None else float(to_weight(coming.next_weight)),
        "nextSeconds": None if coming.next_weight is None else round(coming.next_seconds),
    }
