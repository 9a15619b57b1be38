"""Our own objects as they come from the server."""

from typing import Any

import pytest

from meshsplit.api.status import ModelSplitStatus
from meshsplit.controller.live import LAST_APPLIED, from_status, to_live_route, to_live_split, to_split
from meshsplit.istio.digest import digest
from meshsplit.istio.plan import make_group_plan
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import Owner, Settings, Split
from support.istio import API_VERSION, make_group, make_split, model_mesh

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Steady",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
OWNER = Owner("meshsplit.dev/v1alpha1", "ModelSplit", "g", "u-1")


def make_route(**metadata: Any) -> dict[str, Any]:
    group = make_group(model_mesh("a"), model_mesh("b"))
    body = make_virtual_service(make_group_plan(group, make_split({"a": 80, "b": 20})), API_VERSION)
    return {**body, "metadata": {**body["metadata"], **metadata}}


def entry(manager: str, fields: dict[str, Any], subresource: str = "") -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": fields, "subresource": subresource}


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("a=80,b=20", {"a": 80, "b": 20}),
        ("a=100", {"a": 100}),
        ("a=995,b=5", {"a": 995, "b": 5}),
        ("", None),
        ("a=80,b=30", None),
        ("a=80,a=20", None),
        ("a=-20,b=120", None),
        ("a=8\u0660,b=20", None),
        ("a", None),
    ],
)
def test_weights_in_an_annotation_are_a_split_or_nothing(text: str, weights: dict[str, int] | None) -> None:
    expected = Split(tuple(sorted(weights.items())), sum(weights.values())) if weights else None
    assert to_split(text) == expected


def test_a_route_of_ours_keeps_no_spec_and_says_what_it_serves() -> None:
    route = to_live_route(make_route(uid="u", resourceVersion="12"))
    assert (route.made_here, route.ours, route.group, route.model) == (True, True, "g", None)
    assert (route.split, route.edited, route.version) == (make_split({"a": 80, "b": 20}), False, 12)
    assert route.body["spec"] == {}


def test_a_foreign_route_is_kept_whole_and_nothing_of_it_is_believed() -> None:
    body = make_route(labels={})
    route = to_live_route(body)
    assert (route.made_here, route.ours, route.group, route.split) == (False, False, None, None)
    assert route.body == body


def test_weights_that_somebody_else_wrote_are_marked() -> None:
    fields: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:meshsplit.dev/weights": {}}}}
    assert to_live_route(make_route(managedFields=[entry("kubectl-annotate", fields)])).edited
    assert not to_live_route(make_route(managedFields=[entry("meshsplit", fields)])).edited


def make_split_body(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "meshsplit.dev/v1alpha1",
        "kind": "ModelSplit",
        "metadata": {"name": "g", "namespace": "ns", "labels": {"meshsplit.dev/mirror": "true"}, **metadata},
        "spec": {"modelTag": "g"},
    }


@pytest.mark.parametrize(
    ("metadata", "taken"),
    [
        ({}, False),
        ({"managedFields": [entry("meshsplit", {"f:spec": {"f:modelTag": {}}})]}, False),
        ({"managedFields": [entry("argocd-controller", {"f:spec": {"f:modelTag": {}}})]}, True),
        ({"managedFields": [entry("kubectl-annotate", {"f:metadata": {"f:annotations": {}}})]}, False),
        ({"managedFields": [entry("other", {"f:spec": {}}, subresource="status")]}, False),
        ({"annotations": {LAST_APPLIED: "{}"}}, True),
    ],
)
def test_a_mirror_is_taken_over_by_who_writes_its_spec_or_applies_it(
    metadata: dict[str, Any], taken: bool
) -> None:
    live = to_live_split(make_split_body(**metadata), Settings())
    assert (live.mirror, live.taken_over, live.is_own_mirror) == (True, taken, not taken)


def test_a_status_that_cannot_be_read_counts_as_none() -> None:
    body = {**make_split_body(), "status": {"conditions": [{"type": 1}]}}
    live = to_live_split(body, Settings())
    assert (live.has_status, from_status(live.status), live.since) == (False, None, {})


def test_a_status_is_read_from_the_text_that_is_kept_of_it() -> None:
    body = {**make_split_body(), "status": {"total": 1000, "checkpoint": "kept", "conditions": [READY]}}
    live = to_live_split(body, Settings())
    assert (live.has_status, live.status.total, live.checkpoint) == (True, 1000, "kept")
    assert live.since == {"Ready": ("True", "2026-01-01T00:00:00Z")}
    bare = to_live_split(make_split_body(), Settings())
    assert (bare.has_status, bare.status, bare.checkpoint, bare.since) == (False, ModelSplitStatus(), "", {})


def test_the_digest_is_about_what_is_ours() -> None:
    made = make_route()
    labels, annotations = made["metadata"]["labels"], made["metadata"]["annotations"]
    same = [
        make_route(labels={**labels, "team": "x"}),
        make_route(annotations={**annotations, "note": "x"}),
        make_route(uid="u", resourceVersion="1", managedFields=[]),
        {**made, "apiVersion": "networking.istio.io/v1beta1"},
    ]
    assert {digest(body) for body in same} == {digest(made)}
    other = [
        make_route(labels={}),
        make_route(annotations={**annotations, "meshsplit.dev/weights": "a=1,b=99"}),
        make_route(ownerReferences=[{"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u"}]),
        {**made, "spec": {**made["spec"], "hosts": ["x"]}},
        {**made, "spec": {**made["spec"], "exportTo": ["."]}},
    ]
    assert digest(made) not in {digest(body) for body in other}
