"""Whether a live object is what is to be written, by a digest of the fields that meshsplit owns in it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from meshsplit.canonical import to_canonical
from meshsplit.istio import names

_LABELS = (names.MANAGED_BY, names.INFERENCESERVICE_NAME)
_ANNOTATIONS = (names.MODEL_TAG, names.WEIGHTS, *(key for key, _ in names.GITOPS_MARKERS))
_OWNER_FIELDS = ("apiVersion", "kind", "name", "uid", "controller")
_DIGEST_BYTES = 16


def digest(body: Mapping[str, Any]) -> bytes:
    """Equal for two objects that agree in spec, owners, and the labels and annotations that are written here.

    What others add to the metadata does not count; what they add to the spec does.
    """
    metadata = body.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    owners = sorted(metadata.get("ownerReferences") or (), key=_uid)
    owned = [
        [labels.get(key) for key in _LABELS],
        [annotations.get(key) for key in _ANNOTATIONS],
        [[owner.get(field) for field in _OWNER_FIELDS] for owner in owners],
        body.get("spec"),
    ]
    return hashlib.blake2b(to_canonical(owned), digest_size=_DIGEST_BYTES).digest()


def _uid(owner: Mapping[str, Any]) -> str:
    return str(owner.get("uid"))
