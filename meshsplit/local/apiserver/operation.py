"""What a client asks and what it gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.resources import Resource

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Options:
    """The query parameters of reads and writes, parsed."""

    dry_run: bool = False
    field_manager: str = ""
    force: bool = False
    # Strict, Warn or Ignore: what becomes of unknown fields.
    field_validation: str = "Warn"
    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_token: str = ""
    propagation: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request; verb is get, list, create, update, patch, delete or deletecollection.

    `body` is decoded JSON or YAML and becomes the store's; `patch` is the patch's media type.
    """

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    body: Any = None
    patch: str = ""
    options: Options = field(default_factory=Options)

    @property
    def key(self) -> tuple[str, str]:
        """The object's place among those of its kind."""
        return self.namespace, self.name


@dataclass(frozen=True, slots=True)
class Answer:
    """A status code, a body, and texts for the Warning header."""

    code: int
    body: Json
    warnings: tuple[str, ...] = ()
