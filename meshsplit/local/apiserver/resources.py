"""One served kind and the rules its objects follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.structure import OPEN, Schema, with_metadata

if TYPE_CHECKING:
    from meshsplit.local.apiserver.objects import Json


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column of kubectl's tables; `priority` above 0 is shown with -o wide only."""

    name: str
    type: str
    path: str
    description: str = ""
    format: str = ""
    priority: int = 0


AGE = Column("Age", "date", ".metadata.creationTimestamp")


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the scale subresource finds its numbers, as dotted paths."""

    spec_replicas: str
    status_replicas: str
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One served version of a kind, and the rules its objects follow."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    scale: Scale | None = None
    # Custom kinds only: their schema prunes, fills defaults and validates.
    custom: bool = False
    schema: Schema = field(default_factory=lambda: OPEN)
    # Whether the schema has CEL rules anywhere; looking takes as long as the schema is large.
    ruled: bool = False
    columns: tuple[Column, ...] = ()
    selectable: tuple[str, ...] = ()
    # Whether metadata.generation is kept, and whether a PUT may leave the resourceVersion out.
    generation: bool = False
    unconditional: bool = True
    # What a new object has where it says nothing, merged below its own fields.
    template: Json = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What all versions of the kind share."""
        return self.group, self.plural

    @property
    def api_version(self) -> str:
        """As objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As refusals name it: `widgets.example.dev`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def fields(self) -> tuple[str, ...]:
        """The paths a fieldSelector may name."""
        names = ("metadata.name", "metadata.namespace") if self.namespaced else ("metadata.name",)
        return (*names, *self.selectable)

    @property
    def whole_schema(self) -> Schema:
        """The schema with every object's own fields, for field ownership."""
        return with_metadata(self.schema)
