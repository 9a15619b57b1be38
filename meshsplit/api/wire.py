"""What every document that is read has in common: strict types, null means absent, RFC 3339 times."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from meshsplit.api.names import is_dns_label, is_object_name, matches

MAX_OBJECT_BYTES = 1_572_864
"""The largest request that etcd takes (--max-request-bytes), so no string in an object is longer."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def want(what: str) -> PydanticCustomError:
    """Make the error of a value that is not `what`, for example "a duration such as 30s"."""
    return PydanticCustomError("want", "want {what}", {"what": what})


def checked(accepts: Callable[[str], bool], what: str) -> AfterValidator:
    """Make a validator that refuses every value for which `accepts` is false, asking for `what`."""

    def validate(value: str) -> str:
        if not accepts(value):
            raise want(what)
        return value

    return AfterValidator(validate)


@dataclass(frozen=True, slots=True, init=False)
class Matching:
    """Annotates a string that must fit, as a whole, every one of `patterns`; its JSON schema says so too."""

    what: str
    patterns: tuple[str, ...]

    def __init__(self, what: str, *patterns: str) -> None:
        object.__setattr__(self, "what", what)
        object.__setattr__(self, "patterns", patterns)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        parts = [{"pattern": f"^{pattern}$"} for pattern in self.patterns]
        # `kubectl explain` takes an allOf of one part for the type.
        return {**handler(schema), **(parts[0] if len(parts) == 1 else {"allOf": parts})}

    def _validate(self, value: str) -> str:
        if not matches(value, self.patterns):
            raise want(self.what)
        return value


def _to_time(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise want("an RFC 3339 time such as 2026-01-31T12:00:00Z")


Utf8 = Annotated[str, Field(max_length=MAX_OBJECT_BYTES)]
"""Any string that can be written down; pydantic refuses lone surrogates once a string is bounded."""


def to_rfc3339(time: datetime) -> str:
    """Write a time as Kubernetes does: in UTC, whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    datetime,
    PlainValidator(_to_time),
    PlainSerializer(to_rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A Kubernetes time, always with its zone."""


def _is_namespace(text: str) -> bool:
    return text == "" or is_dns_label(text)


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict) and None in data.values():
        return {key: value for key, value in data.items() if value is not None}
    return data


NullIsAbsent = BeforeValidator(_without_nulls)
"""Annotates a map in which a null value is no entry."""


class Wire(BaseModel):
    """Any part of a document: camelCase outside, strict types, unknown fields ignored, null is absent."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return _without_nulls(data)


class StrictWire(Wire):
    """A part of one of our own documents, where an unknown field is a mistake, even one that is null."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        known = {field.alias for field in cls.model_fields.values()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


class Metadata(Wire):
    """The metadata of a Kubernetes object, as far as it is read."""

    name: Annotated[str, checked(is_object_name, "a lower-case DNS name of at most 253 characters")]
    namespace: Annotated[str, checked(_is_namespace, "a lower-case DNS label of at most 63 characters")] = ""
    uid: Utf8 = ""
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[Utf8, Utf8] = Field(default_factory=dict)
    annotations: dict[Utf8, Utf8] = Field(default_factory=dict)


def to_version(metadata: Mapping[str, Any]) -> int:
    """The resourceVersion as a number, by which two states of one object are ordered (KEP-5504)."""
    text = metadata.get("resourceVersion") or ""
    return int(text) if text.isdecimal() else 0
