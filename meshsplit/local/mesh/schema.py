"""How Istio's objects are read: every field known, or an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from meshsplit.local.mesh.durations import to_envoy_duration

API_VERSIONS = tuple(f"networking.istio.io/{version}" for version in ("v1", "v1beta1", "v1alpha3"))


class UnsupportedField(ValueError):  # noqa: N818 - the word callers read is the field, not "error"
    """An Istio object says something this mesh cannot serve as Istio would; names object and field path."""


class Strict(BaseModel):
    """A part of an object: an unknown field is an error, null means unset (as in the API server)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: object) -> object:
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if value is not None}
        return data


Duration = Annotated[str, AfterValidator(to_envoy_duration)]
Uint32 = Annotated[int, Field(ge=0, lt=2**32)]


class Metadata(BaseModel):
    """The part of an object's metadata that decides about routes."""

    model_config = ConfigDict(frozen=True)

    name: str
    namespace: str = "default"
    creation_timestamp: AwareDatetime | None = Field(default=None, alias="creationTimestamp")

    @property
    def age_order(self) -> tuple[bool, datetime, str, str]:
        """Istio's order of objects: oldest first, then name, then namespace (sortConfigByCreationTime).

        An object without a creation timestamp does not exist in a cluster yet, so it is the youngest.
        """
        created = self.creation_timestamp
        return (created is None, created or datetime.min.replace(tzinfo=UTC), self.name, self.namespace)


class IstioObject(Strict):
    """The envelope of an Istio object; `spec` is each kind's own. A status is not read."""

    api_version: str
    kind: str
    metadata: Metadata
    status: Any = None

    @property
    def title(self) -> str:
        """`VirtualService ns/name`, for messages."""
        return f"{self.kind} {self.metadata.namespace}/{self.metadata.name}"


Kind = TypeVar("Kind", bound=IstioObject)


def to_object(model: type[Kind], raw: Mapping[str, Any]) -> Kind:
    """`raw` read as `model`; UnsupportedField names the object and every field that is wrong or unknown."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems = "; ".join(
            f"{to_path(problem['loc'])}: {_to_reason(problem['type'], problem['msg'])}"
            for problem in error.errors(include_url=False)
        )
        raise UnsupportedField(f"{_to_title(raw)}: {problems}") from None


def to_path(location: tuple[int | str, ...]) -> str:
    """`("spec", "http", 0)` as `spec.http[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _to_reason(kind: str, message: str) -> str:
    return "the local mesh does not know this field" if kind == "extra_forbidden" else message


def _to_title(raw: Mapping[str, Any]) -> str:
    metadata = raw.get("metadata")
    fields = metadata if isinstance(metadata, Mapping) else {}
    return f"{raw.get('kind')} {fields.get('namespace', 'default')}/{fields.get('name')}"
