"""A person's request to the controller: written into the ModelSplit's annotations, and its answer."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from meshsplit.api.fields import MAX_TEXT
from meshsplit.api.request import DETAILS, REQUEST
from meshsplit.api.rolloutstatus import RequestStatus
from meshsplit.cli.cluster import Cluster
from meshsplit.cli.kinds import MODEL_SPLITS, SUBJECT_REVIEWS
from meshsplit.cli.lookup import find_split
from meshsplit.cli.notdone import NotDone
from meshsplit.cli.splits import LiveSplit, mapping, to_live_split
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.kube.port import Conflict, NotFound
from meshsplit.rollout.requests import Request, Verb, to_request

MANAGER = "meshsplit-cli"
"""Owns the annotations of a request; Flux takes back what kubectl's managers wrote, not what this one did."""

LOOK_SECONDS = 0.5
"""How often a ModelSplit is read while something is waited for: below what a person notices, and one small
read for the API. A get needs no right to watch, and no stream that may go silent."""

_TOKEN_BYTES = 6
_TRIES = 5
_IMMUTABLE = 422


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for, beside who asks and why; `details` are fields of `api.request.RequestDetails`."""

    verb: Verb
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as it will be written; `rollout` is the id that it is for, "" where there was none yet."""

    token: str
    annotations: Mapping[str, str]
    rollout: str

    @property
    def request(self) -> Request:
        """What the controller will read; NotDone when it could not."""
        read = to_request(self.annotations)
        if not isinstance(read, Request):
            raise NotDone(read.message if read is not None else "nothing is asked for")
        return read


def prepare(ask: Ask, split: LiveSplit, by: str, reason: str) -> Prepared:
    """The request with a new token, for the rollout that the status tells of."""
    rollout = split.status.rollout.id if split.status.rollout is not None else ""
    token = secrets.token_hex(_TOKEN_BYTES)
    said = {"token": token, "by": by, "reason": reason, **ask.details}
    details = {name: value for name, value in said.items() if value not in ("", None, False)}
    word = f"{ask.verb}/{rollout}" if rollout else str(ask.verb)
    return Prepared(token, {REQUEST: word, DETAILS: json.dumps(details, ensure_ascii=False)}, rollout)


def read_user(cluster: Cluster) -> str:
    """Who the API takes us for; "" where it does not say."""
    try:
        answer = cluster.create(SUBJECT_REVIEWS, {"metadata": {}})
    except CannotAnswer as error:
        if error.error is not None and error.error.status == 0:
            raise
        return ""
    return str(mapping(answer, "status", "userInfo").get("username") or "")[:MAX_TEXT]


def send(cluster: Cluster, seen: LiveSplit, prepared: Prepared) -> None:
    """Write the request, unless what the preview showed has changed since: that is NotDone.

    It carries uid and resourceVersion. A status whose evidence alone went on, as it does with every read, is
    no change: the request is then sent with the version that is there now.
    """
    current = seen
    for _ in range(_TRIES):
        try:
            cluster.merge(MODEL_SPLITS, seen.namespace, seen.name, _make_patch(current, prepared))
        except CannotAnswer as error:
            if not _is_overtaken(error):
                raise
            current = _read_again(cluster, seen)
        else:
            return
    raise NotDone(f"{seen} changes too often to write to it; nothing was sent")


def find_answer(split: LiveSplit, token: str) -> RequestStatus | None:
    """The controller's answer to the request with that token; None as long as there is none."""
    said = split.status.request
    return said if said is not None and said.token == token else None


def find_unanswered(split: LiveSplit) -> str:
    """A request that nobody has answered yet, as it is written; "" for none."""
    annotations = mapping(split.body, "metadata", "annotations")
    request = to_request({key: value for key, value in annotations.items() if isinstance(value, str)})
    if request is None or find_answer(split, request.token) is not None:
        return ""
    return str(annotations[REQUEST])


def follow(cluster: Cluster, name: str, program: str, seconds: float | None) -> Iterator[LiveSplit]:
    """The ModelSplit, read again and again until `seconds` are over (None: never).

    CannotAnswer when it goes away. An API that does not answer for a while is asked again, since it may be
    restarted during a rollout; the first read has to succeed.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    yield find_split(cluster, name, program)
    while deadline is None or time.monotonic() < deadline:
        left = LOOK_SECONDS if deadline is None else min(LOOK_SECONDS, deadline - time.monotonic())
        time.sleep(max(left, 0.0))
        try:
            split = find_split(cluster, name, program)
        except CannotAnswer as error:
            if not error.is_passing:
                raise
        else:
            yield split


def _make_patch(current: LiveSplit, prepared: Prepared) -> dict[str, Any]:
    metadata = current.body["metadata"]
    guard = {key: metadata[key] for key in ("uid", "resourceVersion")}
    return {"metadata": {**guard, "annotations": dict(prepared.annotations)}}


def _read_again(cluster: Cluster, seen: LiveSplit) -> LiveSplit:
    body = cluster.find(MODEL_SPLITS, seen.namespace, seen.name)
    if body is None:
        raise NotDone(f"{seen} was deleted since the preview; nothing was sent")
    current = to_live_split(body)
    if _shown(current) != _shown(seen):
        raise NotDone(f"{seen} has changed since the preview; nothing was sent. Look again, and repeat it")
    return current


def _shown(split: LiveSplit) -> tuple[object, ...]:
    """What a preview rests on; counts and evidence go on with every read and are not among it."""
    status, rollout = split.status, split.status.rollout
    annotations = mapping(split.body, "metadata", "annotations")
    return (
        split.body["metadata"].get("uid"),
        split.generation,
        annotations.get(REQUEST),
        annotations.get(DETAILS),
        status.weight,
        status.target,
        (rollout.id, rollout.state, rollout.step) if rollout is not None else None,
        status.override,
        status.pause,
        status.rejected_target,
        status.kept,
        split.last_change,
    )


def _is_overtaken(error: CannotAnswer) -> bool:
    """Whether the object is not the one that was read: gone, another version, or another of its name."""
    answer = error.error
    return isinstance(answer, Conflict | NotFound) or (answer is not None and answer.status == _IMMUTABLE)
