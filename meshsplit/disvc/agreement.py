"""Whether a live object is what is to be written, in all that is ours of it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from meshsplit.canonical import to_canonical
from meshsplit.disvc.objects import Child

_DIGEST_BYTES = 16
_WHOLE = ("selector",)
"""Fields of which another's entry changes what ours mean."""


def agrees(body: Mapping[str, Any], live: Child) -> bool:
    """Whether `live` has everything that `body` asks for; what others or defaults have added may be there."""
    metadata = body["metadata"]
    kept = live.body["metadata"]
    marks = all(_covers(kept.get(key) or {}, metadata.get(key) or {}) for key in ("labels", "annotations"))
    owned = _covers(kept.get("ownerReferences") or [], metadata["ownerReferences"])
    return marks and owned and _covers(live.body["spec"], body["spec"])


def digest_of(body: Mapping[str, Any]) -> bytes:
    """Equal for two bodies that ask for the same, or two live objects that hold the same."""
    metadata = body["metadata"]
    kept = {key: metadata.get(key) for key in ("labels", "annotations", "ownerReferences")}
    text = to_canonical([kept, body.get("spec")])
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()


def _covers(live: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return False
        whole = all(live.get(key) == wanted[key] for key in _WHOLE if key in wanted)
        return whole and all(key in live and _covers(live[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(live, list) or len(live) != len(wanted):
            return False
        return all(_covers(one, other) for one, other in zip(live, wanted, strict=True))
    return bool(live == wanted)
