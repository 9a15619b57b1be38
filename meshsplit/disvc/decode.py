"""One body in: a DistributedInferenceService, or one of the objects that it has made."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from meshsplit.api.disvc import DistributedInferenceServiceStatus, to_disvc
from meshsplit.api.status import PROMOTED
from meshsplit.api.wire import Metadata, to_version
from meshsplit.disvc.objects import INFERENCE_SERVICE, MODEL_SPLIT, Child, Disvc, UnreadableDisvc
from meshsplit.kserve.decode import ref_of, to_identity
from meshsplit.kserve.objects import InferenceService
from meshsplit.kserve.observed import read
from meshsplit.model import Settings

_KEPT = ("labels", "annotations", "ownerReferences")


def to_live_disvc(body: Mapping[str, Any]) -> Disvc | UnreadableDisvc:
    """Read a DistributedInferenceService of a server; a status that cannot be read counts as none."""
    metadata = Metadata.model_validate(body["metadata"])
    identity = to_identity(body["apiVersion"], ref_of(body), metadata)
    generation = int(body["metadata"].get("generation") or 0)
    deleting, version = metadata.deletion_timestamp is not None, to_version(body["metadata"])
    status = _to_status(body.get("status"))
    found = to_disvc(body)
    if isinstance(found, tuple):
        return UnreadableDisvc(identity, generation, status, found[0], deleting, version)
    return Disvc(identity, generation, found.spec, status, deleting, version)


def to_child(body: Mapping[str, Any], settings: Settings) -> Child:
    """Read an object that a DistributedInferenceService may have made."""
    metadata = body["metadata"]
    kept = {key: metadata[key] for key in _KEPT if metadata.get(key)}
    return Child(
        kind=body["kind"],
        namespace=metadata.get("namespace") or "",
        name=metadata["name"],
        uid=metadata.get("uid") or "",
        owner=_find_owner(metadata.get("ownerReferences")),
        body={"metadata": kept, "spec": body.get("spec") or {}, **_keep_course(body)},
        deleting=metadata.get("deletionTimestamp") is not None,
        ready=_is_ready(body, settings),
        generation=int(metadata.get("generation") or 0),
        version=to_version(metadata),
    )


def _keep_course(body: Mapping[str, Any]) -> dict[str, Any]:
    """Of a ModelSplit's status what changes with its weights, and not with every read of counters."""
    status = body.get("status")
    if body["kind"] != MODEL_SPLIT or not isinstance(status, Mapping):
        return {}
    told = [each for each in status.get("conditions") or () if each.get("type") == PROMOTED]
    kept = {key: status[key] for key in ("observedGeneration", "members") if key in status}
    members = [{"name": each.get("name"), "weight": each.get("weight")} for each in kept.get("members", ())]
    return {"status": {**kept, "members": members, "conditions": told}}


def _is_ready(body: Mapping[str, Any], settings: Settings) -> bool | None:
    if body["kind"] != INFERENCE_SERVICE:
        return None
    reading = read(body, settings)
    return reading.ready if isinstance(reading, InferenceService) else None


def _find_owner(references: Any) -> str:
    listed = references if isinstance(references, list) else []
    return next((str(each.get("uid") or "") for each in listed if each.get("controller") is True), "")


def _to_status(raw: Any) -> DistributedInferenceServiceStatus:
    try:
        return DistributedInferenceServiceStatus.model_validate(raw or {})
    except ValidationError:
        return DistributedInferenceServiceStatus()
