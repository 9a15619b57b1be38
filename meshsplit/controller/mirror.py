"""Level 0: the ModelSplit that the controller keeps for a tagged group that has none of a user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.api.modelsplit import API_VERSION, KIND
from meshsplit.api.names import is_label_value, is_object_name
from meshsplit.controller.live import MIRROR
from meshsplit.kserve.observed import Unread
from meshsplit.model import GroupKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsplit.kserve.objects import InferenceService


def is_tagged(key: GroupKey, services: Iterable[InferenceService | Unread]) -> bool:
    """Whether one of the InferenceServices, of the key's namespace, carries its tag and is there to stay."""
    return any(
        service.tag == key.name and (isinstance(service, Unread) or not service.deleting)
        for service in services
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
