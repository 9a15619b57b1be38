from copy import deepcopy
from typing import Any

import pytest

from meshsplit.cli.compare import Body, Difference, compare, is_ours, ref_of, split_of
from meshsplit.cli.diff import to_closing_line, to_report
from meshsplit.cli.difftext import to_text, to_unified
from meshsplit.cli.terminal import Style
from meshsplit.diagnostics import ObjectRef
from meshsplit.istio.plan import make_group_plan
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import (
    DeploymentMode,
    Endpoint,
    Group,
    GroupKey,
    Member,
    RestStrategy,
    Routing,
    Split,
)

BACKEND = "modelmesh-serving.models.svc.cluster.local"
MEMBERS = ("mnist-v1", "mnist-v2")
GROUP_OBJECT = ObjectRef("VirtualService", "models", "mnist-splitting")
ANNOTATION = "metadata.annotations[meshsplit.dev/weights]"


def make_group(rest: RestStrategy = RestStrategy.SINGLE_HOP) -> Group:
    members = tuple(
        Member(name, DeploymentMode.MODEL_MESH, name, Endpoint(BACKEND, 8008), Endpoint(BACKEND, 8033))
        for name in MEMBERS
    )
    routing = Routing(("*",), ("istio-system/gw",), rest, Endpoint("gw.istio-system", 80))
    return Group(GroupKey("models", "mnist"), members, None, routing)


def draw(first: int, rest: RestStrategy = RestStrategy.SINGLE_HOP) -> dict[str, Any]:
    split = Split((("mnist-v1", first), ("mnist-v2", 100 - first)))
    return make_virtual_service(make_group_plan(make_group(rest), split), "networking.istio.io/v1")


def redraw_as(rest: RestStrategy, ref: ObjectRef, split: Split) -> Body | None:
    plan = make_group_plan(make_group(rest), split)
    return make_virtual_service(plan, "networking.istio.io/v1") if ref == GROUP_OBJECT else None


def diff(new: Body, old: Body, rest: RestStrategy = RestStrategy.SINGLE_HOP) -> Difference:
    (difference,) = compare([new], [old], lambda ref, split: redraw_as(rest, ref, split))
    return difference


def as_served(body: dict[str, Any]) -> dict[str, Any]:
    """What an API server answers for an object that was applied."""
    live = deepcopy(body)
    live["metadata"] |= {
        "uid": "5f0c9a4e",
        "resourceVersion": "42",
        "generation": 3,
        "creationTimestamp": "2026-11-22T12:00:00Z",
        "managedFields": [{"manager": "meshsplit"}],
        "ownerReferences": [{"kind": "ModelSplit", "name": "mnist", "uid": "1"}],
    }
    live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    live["status"] = {"conditions": []}
    return live


def test_what_a_server_fills_in_is_no_difference() -> None:
    assert compare([draw(80)], [as_served(draw(80))], lambda *_: None) == ()


def test_comparing_changes_neither_side() -> None:
    live = as_served(draw(80))
    compare([draw(70)], [live], lambda *_: None)
    assert live == as_served(draw(80))


def test_bucket_routes_are_compared_by_the_weights_they_realise() -> None:
    difference = diff(draw(80), draw(90))
    assert difference.change == "changed"
    assert to_text(difference, Style()).splitlines() == [
        "--- against  VirtualService models/mnist-splitting",
        "+++ render   VirtualService models/mnist-splitting",
        "@@ spec.http[grpc-routing].route @@",
        "-    mnist-v1  weight 90",
        "-    mnist-v2  weight 10",
        "+    mnist-v1  weight 80",
        "+    mnist-v2  weight 20",
        f"@@ {ANNOTATION} @@",
        "-    mnist-v1  weight 90",
        "-    mnist-v2  weight 10",
        "+    mnist-v1  weight 80",
        "+    mnist-v2  weight 20",
    ]


def test_native_weights_say_everything_in_their_routes() -> None:
    difference = diff(draw(60, RestStrategy.LOOPBACK), draw(90, RestStrategy.LOOPBACK), RestStrategy.LOOPBACK)
    assert difference.weights
    assert all(change.place.startswith("spec.http[") for change in difference.weights)
    assert {(change.before, change.after) for change in difference.weights} == {
        ((("mnist-v1", 90), ("mnist-v2", 10)), (("mnist-v1", 60), ("mnist-v2", 40)))
    }


def weighted_by_hand(**weights: int) -> dict[str, Any]:
    """A VirtualService whose only route has one destination a host (`__1` and `__2` are the same host)."""
    route = [
        {"destination": {"host": host.partition("__")[0].replace("_", "-") + ".models.svc"}, "weight": weight}
        for host, weight in weights.items()
    ]
    return {**draw(80), "spec": {"http": [{"route": route}]}}


def test_destinations_without_a_member_are_called_by_their_service() -> None:
    (change,) = diff(weighted_by_hand(a_predictor=60, b=40), weighted_by_hand(a_predictor=90, b=10)).weights
    assert change.place == "spec.http[0].route"
    assert (change.before, change.after) == ((("a", 90), ("b", 10)), (("a", 60), ("b", 40)))


def test_destinations_that_share_a_service_are_numbered() -> None:
    (change,) = diff(weighted_by_hand(a__1=60, a__2=40), weighted_by_hand(a__1=90, a__2=10)).weights
    assert (change.before, change.after) == ((("a #1", 90), ("a #2", 10)), (("a #1", 60), ("a #2", 40)))


@pytest.mark.parametrize(("old", "new"), [(100, 80), (80, 100), (100, 0), (0, 50)])
def test_a_member_that_gains_or_loses_all_its_weight_is_a_difference_in_weights_only(
    old: int, new: int
) -> None:
    difference = diff(draw(new), draw(old))
    annotation = next(change for change in difference.weights if change.place == ANNOTATION)
    assert annotation.before == (("mnist-v1", old), ("mnist-v2", 100 - old))
    assert annotation.after == (("mnist-v1", new), ("mnist-v2", 100 - new))


def test_weights_edited_by_hand_are_found() -> None:
    edited = draw(80)
    edited["spec"]["http"][0]["route"][0]["weight"] = 50
    edited["spec"]["http"][0]["route"][1]["weight"] = 50
    (change,) = diff(draw(80), edited).weights
    assert change.place == "spec.http[grpc-routing].route"
    assert change.before == (("mnist-v1", 50), ("mnist-v2", 50))


def test_anything_else_is_shown_as_yaml() -> None:
    old = draw(90)
    old["spec"]["http"][1]["timeout"] = "3s"
    difference = diff(draw(80), old)
    assert difference.weights == ()
    text = to_text(difference, Style())
    assert "-    timeout: 3s" in text.splitlines()
    assert text == to_unified(difference, Style())


def test_objects_on_one_side_only_are_added_or_removed() -> None:
    other = draw(80)
    other["metadata"]["name"] = "old-splitting"
    added, removed = compare([draw(80)], [other], lambda *_: None)
    assert (added.change, added.object.name) == ("added", "mnist-splitting")
    assert (removed.change, removed.object.name) == ("removed", "old-splitting")
    assert to_text(added, Style()) == "+++ render   VirtualService models/mnist-splitting    would be added"
    assert to_text(removed, Style()) == "--- against  VirtualService models/old-splitting    would be removed"
    unified = to_unified(added, Style()).splitlines()
    assert all(line.startswith("+") for line in unified[3:])
    assert "+kind: VirtualService" in unified


@pytest.mark.parametrize(
    "misshapen",
    [
        {"spec": None},
        {"spec": {"http": "all"}},
        {"spec": {"http": [None, {"route": 7}, {"route": [None, {"weight": "80"}, {"headers": []}]}]}},
        {"metadata": {"name": "mnist-splitting", "namespace": "models", "annotations": [], "labels": 1}},
        {
            "metadata": {
                "name": "mnist-splitting",
                "namespace": "models",
                "annotations": {"meshsplit.dev/weights": 80},
            }
        },
    ],
)
def test_misshapen_objects_differ_and_nothing_breaks(misshapen: dict[str, Any]) -> None:
    old = {**draw(80), **misshapen}
    assert to_text(diff(draw(80), old), Style())
    assert not is_ours({**old, "metadata": {"name": "x", "labels": 1}}, frozenset())


def test_ours_is_what_carries_our_label_or_has_a_generated_name() -> None:
    ours = draw(80)
    unlabelled = {**ours, "metadata": {"name": "mnist-splitting", "namespace": "models"}}
    assert is_ours(ours, frozenset())
    assert not is_ours(unlabelled, frozenset())
    assert is_ours(unlabelled, frozenset({ref_of(ours)}))
    assert not is_ours({**ours, "kind": "Gateway"}, frozenset({ref_of(ours)}))
    assert not is_ours({**ours, "apiVersion": "example.com/v1"}, frozenset())


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("a=80,b=20", Split((("a", 80), ("b", 20)))),
        ("b=1,a=999", Split((("a", 999), ("b", 1)), 1000)),
        ("a=80,b=30", None),
        ("a=-5,b=105", None),
        ("a=٨٠,b=20", None),
        ("a,b", None),
        ("", None),
        (80, None),
        (None, None),
    ],
)
def test_a_split_is_read_back_from_the_annotation(text: object, split: Split | None) -> None:
    body = {
        "kind": "VirtualService",
        "metadata": {"name": "x", "annotations": {"meshsplit.dev/weights": text}},
    }
    assert split_of(body) == split


def test_the_closing_line_and_the_report() -> None:
    weights, other = (
        diff(draw(80), draw(90)),
        diff(draw(80), {**draw(80), "apiVersion": "networking.istio.io/v1beta1"}),
    )
    assert to_closing_line((), 3) == "No differences in 3 objects."
    assert to_closing_line((), 1) == "No differences in 1 object."
    assert to_closing_line((weights,), 1) == "1 object differs, in weights only."
    assert to_closing_line((weights, weights), 2) == "2 objects differ, in weights only."
    assert to_closing_line((weights, other), 2) == "2 objects differ, 1 in weights only."
    assert to_closing_line((other,), 1) == "1 object differs."
    report = to_report((weights, other), 5)
    assert report["summary"] == {"compared": 5, "differ": 2, "weightsOnly": 1}
    first, second = report["differences"]
    assert first["object"] == {"kind": "VirtualService", "namespace": "models", "name": "mnist-splitting"}
    assert (first["change"], first["weightsOnly"]) == ("changed", True)
    assert first["weights"][-1] == {
        "place": ANNOTATION,
        "before": {"mnist-v1": 90, "mnist-v2": 10},
        "after": {"mnist-v1": 80, "mnist-v2": 20},
    }
    assert (second["weightsOnly"], second["weights"]) == (False, [])
