"""The status that an InferenceService gets; pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.local.backends import Backend

_CONDITIONS = ("PredictorReady", "Ready")


class Loading(StrEnum):
    """How far a model has come, in ModelMesh's words."""

    LOADED = "Loaded"
    LOADING = "Loading"
    FAILED = "FailedToLoad"


_TRANSITIONS = {
    Loading.LOADED: "UpToDate",
    Loading.LOADING: "InProgress",
    Loading.FAILED: "BlockedByFailedLoad",
}
_REASONS = {
    Loading.LOADED: {},
    Loading.LOADING: {"reason": "MinimumReplicasUnavailable", "message": "its model server is starting"},
    Loading.FAILED: {"reason": "ModelLoadFailed", "message": "it was told not to load"},
}


def make_status(backend: Backend, loading: Loading, live: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The status that KServe or ModelMesh gives an InferenceService whose model has come that far.

    `live` is the status that it has: a condition that stays keeps its time, one that changes gets `now`.
    """
    ready = loading is Loading.LOADED
    return {
        **(_announced(backend) if ready else {}),
        "conditions": [_make_condition(name, loading, live, now) for name in _CONDITIONS],
        "modelStatus": {
            "copies": {"failedCopies": int(loading is Loading.FAILED), "totalCopies": int(ready)},
            "states": {"activeModelState": loading.value, "targetModelState": loading.value},
            "transitionStatus": _TRANSITIONS[loading],
        },
    }


def _announced(backend: Backend) -> dict[str, Any]:
    """Where the model answers: ModelMesh names the gRPC port of its Service, KServe the one of its own."""
    member = backend.member
    if backend.in_modelmesh and member.grpc is not None:
        url = f"grpc://{member.grpc.host}:{member.grpc.port}"
        return {"url": url, "components": {"predictor": {"url": url}}}
    hosts = [endpoint.host for endpoint in (member.rest, member.grpc) if endpoint is not None]
    url = f"http://{hosts[0]}"
    return {"url": url, "address": {"url": url}, "components": {"predictor": {"url": url}}}


def _make_condition(name: str, loading: Loading, live: Mapping[str, Any], now: str) -> dict[str, str]:
    status = "True" if loading is Loading.LOADED else "False"
    before: Mapping[str, Any] = next(
        (each for each in live.get("conditions", ()) if each.get("type") == name), {}
    )
    since = before.get("lastTransitionTime", now) if before.get("status") == status else now
    return {"type": name, "status": status, "lastTransitionTime": since, **_REASONS[loading]}
