"""What the server adds to objects of its own kinds: a namespace's label and phase, a CRD's conditions."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.builtin import CRDS, NAMESPACES

if TYPE_CHECKING:
    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.operation import Operation
    from meshsplit.local.apiserver.store import Store

# Letters and digits that spell no words, and the length of generated suffixes (apimachinery/util/rand).
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5


def suffix(uid: str) -> str:
    """Five characters for a generateName, drawn from a uid."""
    digest = hashlib.sha256(uid.encode()).digest()
    return "".join(_SUFFIX_LETTERS[byte % len(_SUFFIX_LETTERS)] for byte in digest[:_SUFFIX_LENGTH])


def complete(body: Json, op: Operation, store: Store) -> None:
    """Fill in, in place, what controllers of a real cluster would within moments."""
    if op.resource.key == NAMESPACES.key:
        labels = body["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = body["metadata"].get("name", "")
        body.setdefault("status", {}).setdefault("phase", "Active")
    elif op.resource.key == CRDS.key:
        _establish(body, store)
    elif op.resource.plural == "secrets" and not op.resource.group:
        _encode_strings(body)


def _establish(crd: Json, store: Store) -> None:
    spec = crd.get("spec") or {}
    names = spec.get("names") or {}
    if "kind" not in names:
        return
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    stored = [version["name"] for version in spec.get("versions", ()) if version.get("storage")]
    held = crd.get("status") or {}
    since = {one["type"]: one["lastTransitionTime"] for one in held.get("conditions", ())}
    crd["status"] = {
        "conditions": [
            {
                "type": name,
                "status": "True",
                "lastTransitionTime": since.get(name) or store.now(),
                "reason": reason,
                "message": message,
            }
            for name, reason, message in (
                ("NamesAccepted", "NoConflicts", "no conflicts found"),
                ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            )
        ],
        "acceptedNames": dict(names),
        "storedVersions": list(dict.fromkeys([*held.get("storedVersions", ()), *stored])),
    }


def _encode_strings(secret: Json) -> None:

    for name, text in (secret.pop("stringData", None) or {}).items():
        secret.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()
