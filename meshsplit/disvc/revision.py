"""What the InferenceServices of one version are made from: a change of it is a new version."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.api.disvc import DistributedInferenceServiceSpec

_DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Revision:
    """The template with its labels and annotations, as JSON with sorted keys."""

    text: str

    @property
    def digest(self) -> str:
        """Equal for equal revisions; stays what it is as long as the JSON does."""
        return hashlib.blake2b(
            self.text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES
        ).hexdigest()

    @property
    def template(self) -> dict[str, Any]:
        """The spec of an InferenceService; a copy of the caller's own."""
        return dict(self._part("template"))

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every InferenceService."""
        return dict(self._part("labels"))

    @property
    def annotations(self) -> dict[str, str]:
        """Annotations of every InferenceService."""
        return dict(self._part("annotations"))

    def _part(self, name: str) -> Mapping[str, Any]:
        found = json.loads(self.text).get(name)
        return found if isinstance(found, dict) else {}


def to_revision(spec: DistributedInferenceServiceSpec) -> Revision:
    """The revision that a spec asks for."""
    parts = {"template": spec.template, "labels": spec.labels, "annotations": spec.annotations}
    return Revision(json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def read_revision(text: str, digest: str) -> Revision | None:
    """The revision that was kept under that digest; None when somebody has changed it since."""
    revision = Revision(text)
    if revision.digest != digest:
        return None
    try:
        parts = json.loads(text)
    except ValueError:
        return None
    return revision if isinstance(parts, dict) else None
