"""Help on the fields of a ModelSplit, from the schema that also checks them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from textwrap import wrap
from typing import Any

from meshsplit.api.modelsplit import API_VERSION, KIND, ModelSplit, ModelSplitSpec
from meshsplit.api.structural import to_structural
from meshsplit.cli.terminal import Style

ROOT = KIND.lower()
WIDTH = 100

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldHelp:
    """One field: where it is, what it holds, and the fields inside it (name, type), sorted by name."""

    path: str
    type: str
    description: str
    fields: tuple[tuple[str, str], ...] = ()


def find_field(topic: str) -> FieldHelp | None:
    """Help on `modelsplit.spec.a.b` (list indices left out); None when there is no such field."""
    schema, described = _root(), _description(_root())
    steps = topic.split(".")[1:]
    for depth, step in enumerate(steps):
        following = _properties(schema).get(step)
        if following is None:
            return None
        schema = following
        # A plain value has no description of its own: the object around it says what it belongs to.
        around = f"In {'.'.join([ROOT, *steps[:depth]])}: {described}"
        described = _description(schema) or around
    fields = tuple(sorted((name, to_type(inner)) for name, inner in _properties(schema).items()))
    return FieldHelp(".".join([ROOT, *steps]), to_type(schema), described, fields)


def find_near_field(topic: str) -> str:
    """The longest existing part of `topic`, and beyond it the name that looks most like the wrong one."""
    schema, found = _root(), [ROOT]
    for step in topic.split(".")[1:]:
        inner = _properties(schema)
        if step not in inner:
            near = get_close_matches(step, inner, n=1, cutoff=0.5)
            return ".".join([*found, *near])
        found.append(step)
        schema = inner[step]
    return ".".join(found)


def field_paths() -> Iterator[str]:
    """Every field of `spec`, list indices and map keys left out: `routing.hosts`."""
    yield from _walk(_properties(_root())["spec"], "")


def _walk(schema: Schema, at: str) -> Iterator[str]:
    for name, inner in _properties(schema).items():
        path = f"{at}.{name}" if at else name
        yield path
        yield from _walk(inner, path)


def to_field_text(field: FieldHelp, style: Style) -> str:
    """The page of one field, in the manner of `kubectl explain`."""
    lines = [
        f"{style.strong('KIND')}     {KIND}",
        f"{style.strong('VERSION')}  {API_VERSION}",
        f"{style.strong('FIELD')}    {field.path} <{field.type}>",
        *wrap(field.description, WIDTH, initial_indent="  ", subsequent_indent="  "),
    ]
    if field.fields:
        width = max(len(name) for name, _ in field.fields)
        lines.append(style.strong("FIELDS"))
        lines += [f"  {name.ljust(width)}  <{kind}>" for name, kind in field.fields]
    return "\n".join(lines)


def to_field_report(field: FieldHelp) -> dict[str, Any]:
    """The same page as data."""
    return {
        "path": field.path,
        "type": field.type,
        "description": field.description,
        "fields": [{"name": name, "type": kind} for name, kind in field.fields],
    }


@cache
def _root() -> Schema:
    spec = to_structural(ModelSplitSpec)
    return {"description": ModelSplit.__doc__, "type": "object", "properties": {"spec": spec}}


def _entry(schema: Schema) -> Schema:
    """The schema itself; of a list or a map that of its entries."""
    inner = schema.get("items", schema.get("additionalProperties"))
    return _entry(inner) if inner else schema


def _properties(schema: Schema) -> Mapping[str, Schema]:
    properties: Mapping[str, Schema] = _entry(schema).get("properties", {})
    return properties


def _description(schema: Schema) -> str:
    text: str = _entry(schema).get("description", "")
    return text


def to_type(schema: Schema) -> str:
    """The type of a field in words, with its bounds and its default."""
    if "items" in schema:
        return f"list of {to_type(schema['items'])}"
    text = " | ".join(map(_scalar, schema["enum"])) if "enum" in schema else _with_bounds(schema)
    default = schema.get("default")
    return f"{text}, default {_scalar(default)}" if isinstance(default, str | int) else text


def _scalar(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_bounds(schema: Schema) -> str:
    kind = str(schema.get("type", "integer or string"))
    if "additionalProperties" in schema:
        return f"map of {to_type(schema['additionalProperties'])}"
    if "minimum" in schema and "maximum" in schema:
        return f"{kind} {schema['minimum']}..{schema['maximum']}"
    return kind
