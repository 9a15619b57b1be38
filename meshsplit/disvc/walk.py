"""What the rollout between two versions has come to, as the ModelSplit that walks it says."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from meshsplit.api.status import PROMOTED, ModelSplitStatus
from meshsplit.disvc import names
from meshsplit.disvc.objects import MODEL_SPLIT, Child, Children, Walk


def find_walk(disvc: str, split: Child | None) -> Walk:
    """The weights that are served, and how the rollout to what is asked for now has ended if it has.

    A status that is behind its ModelSplit tells of weights, and of no end.
    """
    status = _to_status(split.body.get("status")) if split is not None else None
    if split is None or status is None:
        return Walk()
    served = {names.read_version(disvc, each.name): each.weight for each in status.members}
    weights = {
        number: weight for number, weight in served.items() if number is not None and weight is not None
    }
    told = status.condition(PROMOTED)
    if told is None or told.status == "Unknown" or status.observed_generation < split.generation:
        return Walk(weights or None)
    promoted = told.status == "True"
    return Walk(weights or None, promoted, "" if promoted else told.message or told.reason)


def _to_status(raw: Mapping[str, Any] | None) -> ModelSplitStatus | None:
    try:
        return ModelSplitStatus.model_validate(raw) if raw else None
    except ValidationError:
        return None


def to_children(disvc: str, uid: str, found: Iterable[Child]) -> Children:
    """The objects that the one of that name and uid has made; what is somebody else's is left out."""
    by_key = {(child.kind, child.name): child for child in found if child.owner == uid}
    return Children(disvc, by_key, find_walk(disvc, by_key.get((MODEL_SPLIT, disvc))))
