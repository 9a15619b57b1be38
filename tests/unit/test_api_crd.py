"""The CustomResourceDefinitions: structural, bounded, with the rules and columns that are documented."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import re2

from meshsplit.api.affinity import UNUSABLE_HEADERS
from meshsplit.api.crd import make_disvc_crd, make_modelsplit_crd
from meshsplit.api.structural import INT_OR_STRING, PRESERVE, RULES
from support.crds import refusal_of_server, refusals_offline
from support.manifests import Body, make_model_split

CRDS = {"ModelSplit": make_modelsplit_crd(), "DistributedInferenceService": make_disvc_crd()}
# What apiextensions.k8s.io/v1 JSONSchemaProps refuses, or structural schemas do.
FORBIDDEN = {"$ref", "$defs", "definitions", "title", "const", "anyOf", "oneOf", "not", "nullable"}
FORBIDDEN |= {"patternProperties", "propertyNames", "uniqueItems", "deprecated", "readOnly", "examples"}

each_crd = pytest.mark.parametrize("crd", CRDS.values(), ids=CRDS)
Schema = dict[str, Any]


def version_of(crd: Body) -> Body:
    (version,) = crd["spec"]["versions"]
    return dict(version)


def schema_of(crd: Body) -> Schema:
    return dict(version_of(crd)["schema"]["openAPIV3Schema"])


def walk(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema in a schema, with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from walk(inner, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from walk(schema[word], f"{path}[]")


def own_fields(crd: Body) -> list[tuple[str, Schema]]:
    """Spec and status; the API server itself bounds what is common to all objects."""
    return [(path, schema) for path, schema in walk(schema_of(crd)) if path.startswith((".spec", ".status"))]


@each_crd
def test_the_schema_is_structural(crd: Body) -> None:
    for path, schema in walk(schema_of(crd)):
        assert not FORBIDDEN & schema.keys(), path
        assert ("type" in schema) != (INT_OR_STRING in schema), path
        assert schema.get("type") != "array" or "items" in schema, path
        assert not {"properties", "additionalProperties"} <= schema.keys(), path
        assert schema.get("type") != "integer" or schema["format"] in ("int32", "int64"), path
        assert set(schema.get("required", ())) <= schema.get("properties", {}).keys(), path
        assert not any(set(part) - {"pattern"} for part in schema.get("allOf", ())), path


@each_crd
def test_defaults_are_scalars_and_a_status_has_none(crd: Body) -> None:
    for path, schema in own_fields(crd):
        assert "default" not in schema or isinstance(schema["default"], str | int), path
        assert not path.startswith(".status") or "default" not in schema, path


@each_crd
def test_lists_of_named_things_are_maps(crd: Body) -> None:
    for path, schema in own_fields(crd):
        if path.rpartition(".")[2] in ("members", "conditions"):
            (key,) = schema["x-kubernetes-list-map-keys"]
            assert schema["x-kubernetes-list-type"] == "map"
            assert key in schema["items"]["required"]


def unbounded(schema: Schema) -> bool:
    """Whether the API server would assume the largest request for the size of a value."""
    kind = schema.get("type")
    if "enum" in schema or PRESERVE in schema:
        return False  # an enum is as long as its longest word; what is preserved, CEL does not see
    if kind == "string" and schema.get("format") == "date-time":
        return False
    bound = {"string": "maxLength", "array": "maxItems"}.get(str(kind))
    if INT_OR_STRING in schema:
        bound = "maxLength"
    if kind == "object" and "additionalProperties" in schema:
        bound = "maxProperties"
    return bound is not None and bound not in schema


@each_crd
def test_everything_that_a_rule_can_reach_is_bounded(crd: Body) -> None:
    scopes = [(path, schema) for path, schema in walk(schema_of(crd)) if RULES in schema]
    assert [path for path, _ in scopes] == [".spec"]
    assert [path for _, scope in scopes for path, inner in walk(scope) if unbounded(inner)] == []
    assert [path for path, schema in own_fields(crd) if unbounded(schema)] == []


def test_the_bound_check_sees_what_is_unbounded() -> None:
    assert unbounded({"type": "string"})
    assert unbounded({"type": "array", "items": {}, "minItems": 1})
    assert unbounded({"type": "object", "additionalProperties": {"type": "string"}})
    assert unbounded({INT_OR_STRING: True})


@each_crd
def test_every_pattern_is_one_that_go_can_read(crd: Body) -> None:
    found = 0
    for path, schema in own_fields(crd):
        for part in (schema, *schema.get("allOf", ())):
            if "pattern" in part:
                assert part["pattern"].startswith("^"), path
                assert part["pattern"].endswith("$"), path
                re2.compile(part["pattern"])
                found += 1
    assert found


@each_crd
def test_every_object_says_what_it_is(crd: Body) -> None:
    for path, schema in own_fields(crd):
        if schema.get("type") == "object" and path.count(".") <= 2:
            assert schema["description"], path


def test_the_rules_of_a_modelsplit_are_the_ones_whose_cost_a_real_server_accepts() -> None:
    rules = schema_of(CRDS["ModelSplit"])["properties"]["spec"][RULES]
    assert rules == [
        {
            "rule": "self.weightsFrom != 'Spec' || !has(self.members) || "
            "self.members.map(m, m.weight).sum() == 100",
            "messageExpression": "'members: weights add up to %d, want 100 (MSP101)'"
            ".format([self.members.map(m, m.weight).sum()])",
        },
        {
            "rule": "self.weightsFrom == 'Spec' ? has(self.members) : has(self.modelTag)",
            "message": "weightsFrom: Spec needs members; weightsFrom: Annotations needs modelTag",
        },
        {
            "rule": "!has(self.strategy) || (has(self.strategy.canary) != has(self.strategy.blueGreen))",
            "message": "strategy: set exactly one of canary, blueGreen",
        },
        {
            "rule": "!has(self.strategy) || !has(self.strategy.canary) || "
            "!(has(self.strategy.canary.stepWeights) && has(self.strategy.canary.stepWeight))",
            "message": "strategy.canary: set either stepWeights or stepWeight with maxWeight, not both",
        },
        {
            "rule": "!has(self.strategy) || !has(self.strategy.canary) || "
            "!has(self.strategy.canary.stepWeights) || self.strategy.canary.stepWeights.isSorted()",
            "message": "strategy.canary.stepWeights: must go up, for example [5, 10, 25, 50]",
        },
        {
            "rule": "!has(self.sessionAffinity) || has(self.sessionAffinity.cookie) || "
            "has(self.sessionAffinity.header)",
            "message": "sessionAffinity: set cookie, header or both",
        },
        {
            "rule": "!has(self.sessionAffinity) || !has(self.sessionAffinity.header) || "
            f"!(self.sessionAffinity.header.lowerAscii() in {list(UNUSABLE_HEADERS)})",
            "message": "sessionAffinity.header: its values are not uniform hex that a client keeps (MSP401)",
        },
    ]


def columns(crd: Body) -> list[tuple[str, int]]:
    return [(one["name"], one.get("priority", 0)) for one in version_of(crd)["additionalPrinterColumns"]]


def test_what_kubectl_prints() -> None:
    plain = ["Strategy", "Ready", "Status", "Canary", "Weight"]
    wide = ["Target", "Message"]
    assert columns(CRDS["ModelSplit"]) == [
        *((name, 0) for name in plain),
        *((name, 1) for name in wide),
        ("Age", 0),
    ]
    names = ["URL", "Ready", "Replicas", "Current", "Prev", "Age"]
    assert columns(CRDS["DistributedInferenceService"]) == [(name, 0) for name in names]


def test_names() -> None:
    found = {
        kind: (crd["metadata"]["name"], crd["spec"]["names"]["shortNames"]) for kind, crd in CRDS.items()
    }
    assert found == {
        "ModelSplit": ("modelsplits.meshsplit.dev", ["msplit"]),
        "DistributedInferenceService": ("distributedinferenceservices.serving.kserve.io", ["disvc"]),
    }
    assert CRDS["ModelSplit"]["spec"]["names"]["categories"] == ["meshsplit"]


def test_a_crd_leaves_room_for_the_annotation_of_kubectl_apply() -> None:
    # apply keeps the object as an annotation, and all annotations together may have 256 KiB.
    for crd in CRDS.values():
        assert len(json.dumps(crd)) < 128 * 1024


MEMBERS = [{"name": "blue", "weight": 100}, {"name": "green", "weight": 0}]
GOOD: list[Body] = [
    {"modelTag": "mnist"},
    {"weightsFrom": "Spec", "members": MEMBERS},
    {"weightsFrom": "Spec", "members": MEMBERS, "modelTag": "mnist", "stableMember": "blue"},
    {"modelTag": "mnist", "members": [{"name": "blue", "weight": 7}]},
    {"modelTag": "m", "strategy": {"canary": {}}},
    {"modelTag": "m", "strategy": {"canary": {"stepWeight": 5, "maxWeight": 50}}},
    {"modelTag": "m", "strategy": {"canary": {"stepWeights": [5, 5, 10]}}},
    {"modelTag": "m", "strategy": {"blueGreen": {}}},
    {"modelTag": "m", "strategy": {"canary": {}, "blueGreen": None}},
    {"modelTag": "m", "analysis": {"source": {"gateway": {}}}},
    {"modelTag": "m", "routing": {"hosts": ["*", "*.a.org", "{group}.{namespace}.a.org"], "timeout": "1ms"}},
    {"modelTag": "m", "routing": {"loopHost": "gw.istio-system:00080", "gateways": ["mesh", "a/b.c"]}},
    {"modelTag": "m", "sessionAffinity": {"cookie": {}}},
    {"modelTag": "m", "sessionAffinity": {"header": "x-user-agent", "cookie": {"maxAge": "0s"}}},
]
BAD: list[tuple[Body, str]] = [
    ({"modelTag": "m", "sessionAffinity": {}}, "sessionAffinity: set cookie, header or both"),
    (
        {"modelTag": "m", "sessionAffinity": {"cookie": {}, "header": "X-Forwarded-For"}},
        "sessionAffinity.header: its values are not uniform hex that a client keeps (MSP401)",
    ),
    (
        {"weightsFrom": "Spec", "members": [{"name": "a", "weight": 80}, {"name": "b", "weight": 30}]},
        "members: weights add up to 110, want 100 (MSP101)",
    ),
    (
        {"weightsFrom": "Spec"},
        "weightsFrom: Spec needs members; weightsFrom: Annotations needs modelTag",
    ),
    ({}, "weightsFrom: Spec needs members; weightsFrom: Annotations needs modelTag"),
    ({"modelTag": "m", "strategy": {}}, "strategy: set exactly one of canary, blueGreen"),
    (
        {"modelTag": "m", "strategy": {"canary": {}, "blueGreen": {}}},
        "strategy: set exactly one of canary, blueGreen",
    ),
    (
        {"modelTag": "m", "strategy": {"canary": {"stepWeights": [5], "stepWeight": 5}}},
        "strategy.canary: set either stepWeights or stepWeight with maxWeight, not both",
    ),
    (
        {"modelTag": "m", "strategy": {"canary": {"stepWeights": [5, 50, 10]}}},
        "strategy.canary.stepWeights: must go up, for example [5, 10, 25, 50]",
    ),
]


@pytest.mark.parametrize("spec", GOOD, ids=str)
def test_what_is_right_is_accepted_with_and_without_a_cluster(spec: Body) -> None:
    body = make_model_split(**spec)
    assert (refusals_offline(body), refusal_of_server(body)) == ([], "")


@pytest.mark.parametrize(("spec", "message"), BAD, ids=str)
def test_a_broken_rule_is_refused_in_the_same_words(spec: Body, message: str) -> None:
    body = make_model_split("scorer", **spec)
    assert refusals_offline(body) == [message]
    assert refusal_of_server(body) == (
        f'ModelSplit.meshsplit.dev "scorer" is invalid: spec: Invalid value: {message}'
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"weightsFrom": "Spec", "members": [MEMBERS[0], {"name": "blue", "weight": 0}]},
        {"modelTag": "m", "analysis": {"source": {}}},
        {"modelTag": "m", "analysis": {"source": {"prometheus": {"address": "http://a"}, "gateway": {}}}},
        {"modelTag": "m", "analysis": {"missRate": "1"}},
        {"modelTag": "m", "analysis": {"missRate": "0.00"}},
        {"modelTag": "m", "analysis": {"missRate": 0.05}},
        {"modelTag": "m", "routing": {"timeout": "0s"}},
        {"modelTag": "m", "routing": {"timeout": ""}},
        {"modelTag": "m", "routing": {"timeout": "5s\n"}},
        {"modelTag": "m", "routing": {"loopHost": "gw:65536"}},
        {"modelTag": "m", "routing": {"hosts": ["a." * 127]}},
        {"modelTag": "m", "routing": {"hosts": ["a." * 127 + "b"]}},
        {"modelTag": "m", "routing": {"hosts": [f"{'a' * 64}.org"]}},
        {"modelTag": "m", "routing": {"gatways": ["a/b"]}},
        {"modelTag": "m", "routing": {"gatways": None}},
        {"modelTag": "m", "members": [{"name": "blue", "weight": 101}]},
        {"modelTag": "m", "members": [{"name": f"m{i}", "weight": 1} for i in range(33)]},
        {"modelTag": "m", "sessionAffinity": {"cookie": {}, "sourceIp": True}},
        {"modelTag": "m" * 64},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_with_and_without_a_cluster(spec: Body) -> None:
    body = make_model_split(**spec)
    assert refusals_offline(body)
    assert refusal_of_server(body)
