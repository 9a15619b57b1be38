"""For every input: order changes nothing, garbage raises nothing, every finding can be acted on."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsplit.diagnostics import RULES, ObjectRef
from meshsplit.kserve.decode import ref_of
from meshsplit.kserve.source import to_world
from meshsplit.model import Settings
from support.manifests import (
    Body,
    codes,
    group_of,
    make_model_split,
    make_namespace,
    make_pair,
    make_runtime,
    make_service,
    only,
    understand,
    understand_in_mesh,
)

EVERYTHING: list[Body] = [
    make_namespace(),
    make_namespace("east", {"opendatahub.io/service-mesh": "true"}),
    make_runtime(),
    make_runtime("triton", "", created="2026-01-01T00:00:00Z", containers=[{"args": ["--model_name=x"]}]),
    *make_pair(),
    make_service("mnist", namespace="east", status={"conditions": [{"type": "Ready", "status": "True"}]}),
    make_service(
        "knative",
        "100",
        tag="own",
        mode="Serverless",
        creationTimestamp="2026-01-01T00:00:00Z",
        predictor={"model": {"args": ["--model_name", "m"], "env": [{"name": "A", "value": "b"}]}},
        status={"address": {"url": "http://knative.models.svc.cluster.local"}},
    ),
    make_service("legacy", tag="own", mode=None, predictor={"sklearn": {"protocolVersion": "v2"}}),
    make_model_split(modelTag="mnist", stableMember="mnist-v1", routing={"hosts": ["a.com"]}),
    make_model_split(
        "spec",
        weightsFrom="Spec",
        members=[{"name": "knative", "weight": 100}],
        strategy={"canary": {"stepWeights": [5]}},
        analysis={"metrics": [{"name": "m", "good": "a", "bad": "b"}]},
    ),
]


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, below in value.items():
            yield from paths_of(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from paths_of(below, (*path, index))


FIXED = {(), ("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace")}
"""What the reader of manifests guarantees and this stage does not check."""
PLACES = [(i, p) for i, body in enumerate(EVERYTHING) for p in paths_of(body) if p not in FIXED]

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=5,
)


def replaced(place: tuple[int, tuple[Any, ...]], value: Any) -> list[Body]:
    index, path = place
    bodies = copy.deepcopy(EVERYTHING)
    target: Any = bodies[index]
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return bodies


@given(place=st.sampled_from(PLACES), value=json_like)
def test_no_value_of_any_field_raises_or_hides_what_does_not_depend_on_it(
    place: tuple[int, tuple[Any, ...]], value: Any
) -> None:
    world = to_world(replaced(place, value), Settings())
    for finding in world.findings:
        assert finding.code in RULES
        assert finding.object is not None
        assert finding.message
        assert finding.fix
    untouched = {ref_of(body) for i, body in enumerate(EVERYTHING) if i != place[0]}
    assert not untouched & {finding.object for finding in world.findings if finding.code == "MSP007"}


@given(place=st.sampled_from(PLACES), value=json_like, seed=st.integers())
def test_the_order_of_mutated_bodies_changes_nothing(
    place: tuple[int, tuple[Any, ...]], value: Any, seed: int
) -> None:
    bodies = replaced(place, value)
    expected = to_world(bodies, Settings())
    random.Random(seed).shuffle(bodies)
    assert to_world(bodies, Settings()) == expected


@given(name=st.text(min_size=1, max_size=8), namespace=st.text(max_size=8))
def test_any_string_may_be_a_name(name: str, namespace: str) -> None:
    bodies = copy.deepcopy(EVERYTHING)
    for body in bodies:
        body["metadata"] |= {"name": name, "namespace": namespace}
    to_world(bodies, Settings())


def test_the_order_of_the_input_changes_nothing() -> None:
    expected = understand(*EVERYTHING)
    for seed in range(20):
        shuffled = list(EVERYTHING)
        random.Random(seed).shuffle(shuffled)
        assert understand(*shuffled) == expected


def test_of_two_copies_of_one_object_the_same_counts_in_any_order() -> None:
    first, second = make_service("mnist-v1", "100"), make_service("mnist-v1", "7")
    assert understand_in_mesh(first, second) == understand_in_mesh(second, first)


def test_everything_is_sorted() -> None:
    world = understand(*EVERYTHING)
    assert [g.key for g in world.groups] == sorted(g.key for g in world.groups)
    models = [(m.namespace, m.name) for m in world.models]
    assert models == sorted(models)
    order = [(f.code, str(f.object), str(f.path), f.message) for f in world.findings]
    assert order == sorted(set(order))


def test_nothing_is_an_empty_world() -> None:
    world = understand()
    assert (world.groups, world.models, world.findings) == ((), (), ())


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ({"metadata": {"name": "x", "namespace": "models", "labels": []}}, ("metadata", "labels")),
        ({"metadata": {"name": "x", "namespace": "models", "labels": {"a": 1}}}, ("metadata", "labels", "a")),
        ({"metadata": {"name": "x", "namespace": "models", "annotations": "x"}}, ("metadata", "annotations")),
        (
            {"metadata": {"name": "x", "namespace": "models", "creationTimestamp": "yesterday"}},
            ("metadata", "creationTimestamp"),
        ),
        (
            {"metadata": {"name": "x", "namespace": "models", "creationTimestamp": "2026-13-01T00:00:00Z"}},
            ("metadata", "creationTimestamp"),
        ),
        ({"metadata": {"name": "X", "namespace": "models"}}, ("metadata", "name")),
        ({"metadata": {"name": "x", "namespace": "a.b"}}, ("metadata", "namespace")),
        ({"spec": 3}, ("spec",)),
        ({"spec": {"predictor": []}}, ("spec", "predictor")),
        ({"spec": {"predictor": {"model": {"args": "x"}}}}, ("spec", "predictor", "model", "args")),
        (
            {"spec": {"predictor": {"canaryTrafficPercent": "10"}}},
            ("spec", "predictor", "canaryTrafficPercent"),
        ),
        ({"spec": {"predictor": {"sklearn": "x"}}}, ("spec", "predictor", "sklearn")),
        ({"status": {"conditions": {}}}, ("status", "conditions")),
    ],
)
def test_a_wrong_type_leaves_one_object_out_and_names_the_field(broken: Body, path: tuple[Any, ...]) -> None:
    body = make_service("x", tag=None) | broken
    world = understand_in_mesh(body, make_service("other", tag=None))
    finding = only(world, "MSP007")
    assert codes(world) == ["MSP007"]
    assert finding.path == path
    assert finding.fix
    ref = ObjectRef("InferenceService", body["metadata"]["namespace"], body["metadata"]["name"])
    assert finding.object == ref
    assert [model.name for model in world.models] == ["other"]


def test_null_is_absent() -> None:
    body = make_service("mnist-v1", creationTimestamp=None, uid=None)
    body["status"] = None
    body["spec"]["transformer"] = None
    assert codes(understand_in_mesh(body)) == []


def test_a_service_without_a_spec_is_read() -> None:
    body = make_service("mnist-v1", mode="Knative")
    del body["spec"]
    assert group_of(understand_in_mesh(body)).target is not None
