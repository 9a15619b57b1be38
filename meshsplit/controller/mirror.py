"""Level 0: the ModelSplit that the controller keeps for a tagged group that has none of a user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.api.modelsplit import API_VERSION, KIND
from meshsplit.api.names import is_label_value, is_object_name
from meshsplit.controller.live import MIRROR
from meshsplit.model import GroupKey

if TYPE_CHECKING:
    from meshsplit.kserve.observed import Observed


def is_tagged(key: GroupKey, observed: Observed) -> bool:
    """Whether an InferenceService that is there to stay carries the group's tag."""
    return key in observed.broken_groups or any(
        service.namespace == key.namespace and service.tag == key.name for service in observed.live_services()
    )


def can_be_mirrored(key: GroupKey) -> bool:
    """Whether a ModelSplit can be called after the group."""
    return is_label_value(key.name) and is_object_name(key.name)


def make_mirror(key: GroupKey) -> dict[str, Any]:
    """The mirror of a group; its members' annotations go on saying the weights."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": {MIRROR: "true"}},
        "spec": {"modelTag": key.name},
    }


RELEASE: dict[str, Any] = {"metadata": {"labels": {MIRROR: None}}}
"""The merge patch by which a mirror that a user has taken over becomes the user's."""
