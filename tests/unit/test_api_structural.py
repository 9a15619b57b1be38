from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from meshsplit.api.structural import keyed_by, to_structural
from meshsplit.api.wire import Matching, StrictWire, Time


class Inner(StrictWire):
    """One
    line.
    """

    name: Annotated[str, Matching("an a", "a+", ".*")]


class Outer(StrictWire):
    """Everything that a schema can hold."""

    small: Annotated[int, Field(ge=0, le=5)] = 3
    large: int | None = None
    only: Literal["x"] = "x"
    since: Time
    inner: Inner | None = None
    listed: Annotated[list[Inner], Field(max_length=2, json_schema_extra=keyed_by("name"))] = Field(
        default_factory=list
    )
    free: dict[str, Any] = Field(default_factory=dict)
    by_key: dict[Annotated[str, Matching("a b", "b")], bool] = Field(default_factory=dict)


def test_a_model_becomes_a_schema_without_references_and_unions() -> None:
    inner = {
        "description": "One line.",
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "allOf": [{"pattern": "^a+$"}, {"pattern": "^.*$"}]}},
    }
    assert to_structural(Outer) == {
        "description": "Everything that a schema can hold.",
        "type": "object",
        "required": ["since"],
        "properties": {
            "small": {"type": "integer", "minimum": 0, "maximum": 5, "default": 3, "format": "int32"},
            "large": {"type": "integer", "format": "int64"},
            "only": {"type": "string", "enum": ["x"], "default": "x"},
            "since": {"type": "string", "format": "date-time"},
            "inner": inner,
            "listed": {
                "type": "array",
                "maxItems": 2,
                "items": inner,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "byKey": {"type": "object", "additionalProperties": {"type": "boolean"}},
        },
    }


def test_defaults_can_be_left_out() -> None:
    assert "default" not in to_structural(Outer, defaults=False)["properties"]["small"]


class Union(StrictWire):
    """Either of two."""

    either: int | str


class Exclusive(StrictWire):
    """A bound that a CRD cannot say."""

    above: Annotated[float, Field(gt=0)]


@pytest.mark.parametrize("model", [Union, Exclusive])
def test_what_has_no_structural_form_is_said(model: type[StrictWire]) -> None:
    with pytest.raises(ValueError, match="no structural form"):
        to_structural(model)
