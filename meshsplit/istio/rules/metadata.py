"""Kubernetes' rules for names and labels (apimachinery, pkg/util/validation)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from meshsplit.istio.rules.violation import Violation

MAX_NAME = 253
MAX_LABEL = 63

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NAMESPACE = re.compile(_LABEL)
_QUALIFIED = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")


def check_metadata(metadata: Mapping[str, Any]) -> Iterator[Violation]:
    """Check name, namespace, label keys and values, and annotation keys."""
    name, namespace = metadata.get("name") or "", metadata.get("namespace")
    if len(name) > MAX_NAME or not _SUBDOMAIN.fullmatch(name):
        yield Violation(
            ("metadata", "name"),
            f"{name!r:.80} is not a DNS name of at most {MAX_NAME} characters: "
            "lower-case letters, digits, '-' and '.'",
        )
    if namespace is not None and (len(namespace) > MAX_LABEL or not _NAMESPACE.fullmatch(namespace)):
        yield Violation(("metadata", "namespace"), f"{namespace!r:.80} is not a DNS label")
    for field in ("labels", "annotations"):
        for key in metadata.get(field) or {}:
            if not _is_qualified(key):
                yield Violation(("metadata", field, key), f"{key!r:.80} is not a valid key")
    for key, value in (metadata.get("labels") or {}).items():
        if value and (len(value) > MAX_LABEL or not _QUALIFIED.fullmatch(value)):
            yield Violation(
                ("metadata", "labels", key),
                f"{value!r:.80} is not a label value of at most {MAX_LABEL} characters",
            )


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if len(name) > MAX_LABEL or not _QUALIFIED.fullmatch(name):
        return False
    return not slash or (len(prefix) <= MAX_NAME and _SUBDOMAIN.fullmatch(prefix) is not None)
