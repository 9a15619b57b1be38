"""What a person asks of a rollout, as it stands in the annotations of a ModelSplit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from meshsplit.api.problems import to_problems
from meshsplit.api.request import DETAILS, REQUEST, RequestDetails
from meshsplit.model import FULL, Split
from meshsplit.policy import to_seconds

OVERRIDE_SECONDS = 3600.0
"""How long an override lasts that says nothing of it: none is permanent by accident."""


class Verb(StrEnum):
    """What may be asked for."""

    PROMOTE = "promote"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    RETRY = "retry"
    SET_WEIGHT = "set-weight"
    CLEAR_WEIGHT = "clear-weight"
    FLIP = "flip"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, done once: `token` tells it from another. `rollout` is the id it was made for.

    `step`: promote to the next step only. `freeze`: pause rollbacks too. `split` and `seconds` are those of
    an override, `to` a number of the history, `member` the side to flip to.
    """

    verb: Verb
    token: str
    rollout: str = ""
    by: str = ""
    note: str = ""
    step: bool = False
    freeze: bool = False
    split: Split | None = None
    seconds: float = OVERRIDE_SECONDS
    to: int | None = None
    member: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A request that cannot be read, and why."""

    token: str
    message: str


def to_request(annotations: Mapping[str, str]) -> Request | Unreadable | None:
    """The request in a ModelSplit's annotations; None when there is none.

    `meshsplit.dev/request` is `verb/rollout`, the rollout left out where none is meant;
    `meshsplit.dev/request-details` may add JSON (`api.request.RequestDetails`).
    """
    text = annotations.get(REQUEST)
    if not text:
        return None
    verb, _, rollout = text.partition("/")
    if verb not in set(Verb):
        return Unreadable(text, f"{text}: want one of {', '.join(Verb)}, with /ROLLOUT behind it")
    details = _read(annotations.get(DETAILS, "{}"), text)
    return details if isinstance(details, Unreadable) else _to_request(Verb(verb), text, rollout, details)


def _read(text: str, token: str) -> RequestDetails | Unreadable:
    try:
        return RequestDetails.model_validate(json.loads(text))
    except ValidationError as error:
        return Unreadable(token, f"{DETAILS}: {to_problems(error, RequestDetails)[0].message}")
    except ValueError as error:
        return Unreadable(token, f"{DETAILS} is no JSON: {error}")


def _to_request(verb: Verb, text: str, rollout: str, details: RequestDetails) -> Request | Unreadable:
    token = details.token or text
    weights, split = details.weights, None
    if weights is not None:
        total = sum(weights.values())
        if total != FULL:
            listed = ", ".join(f"{name}={weight}" for name, weight in sorted(weights.items()))
            return Unreadable(token, f"weights add up to {total}, want {FULL} ({listed})")
        split = Split(tuple(sorted(weights.items())))
    return Request(
        verb,
        token,
        rollout,
        details.by,
        details.reason,
        details.step,
        details.freeze,
        split,
        to_seconds(details.lasts) or OVERRIDE_SECONDS,
        details.to,
        details.member,
    )
