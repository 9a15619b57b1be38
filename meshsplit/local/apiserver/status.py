"""The refusals of an API server: meta.k8s.io Status answers, worded as the recorded server words them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.resources import Resource

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
BAD_JSON_PATCH = "the server rejected our request due to an error in our request"


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error of this program
    """A request that is answered with a Status; raised where the reason is found, sent by the HTTP skin."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({"details": details} if details is not None else {}),
            "code": code,
        }


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why an object is invalid: CauseType, message and field path of a StatusCause."""

    reason: str
    message: str
    field: str

    def to_json(self) -> Json:
        """As it stands in `details.causes`."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def details(resource: Resource, name: str, kind: str = "") -> Json:
    """`details` that name an object; `kind` is the plural unless it is given."""
    named: Json = {"name": name, "group": resource.group, "kind": kind or resource.plural}
    return {key: value for key, value in named.items() if value}


def not_found(resource: Resource, name: str) -> Refused:
    """404 for one object."""
    message = f'{resource.qualified} "{name}" not found'
    return Refused(404, "NotFound", message, details(resource, name))


def already_exists(resource: Resource, name: str) -> Refused:
    """409 on create."""
    message = f'{resource.qualified} "{name}" already exists'
    return Refused(409, "AlreadyExists", message, details(resource, name))


def conflict(resource: Resource, name: str, why: str = MODIFIED) -> Refused:
    """409 because the caller decided on an older version."""
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return Refused(409, "Conflict", message, details(resource, name))


def bad_request(message: str) -> Refused:
    """400: the request itself cannot be read."""
    return Refused(400, "BadRequest", message)


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> Refused:
    """422 with every cause; `kind` is a kind or a plural, as the real server mixes them."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    named = {"name": name, "group": group, "kind": kind}
    return Refused(
        422,
        "Invalid",
        f'{qualified} "{name}" is invalid: {listed}',
        {**{k: v for k, v in named.items() if v}, "causes": [cause.to_json() for cause in causes]},
    )


def expired(message: str) -> Refused:
    """410: the resourceVersion is no longer in the event log."""
    return Refused(410, "Expired", message)
