"""Diverted requests come first and reach one member; copies go only where they are understood."""

from dataclasses import replace
from typing import Any

import pytest

from meshsplit.affinity import BucketAffinity, BucketCookie
from meshsplit.diagnostics import Finding
from meshsplit.istio.asides import check_shadow
from meshsplit.istio.plan import make_group_plan
from meshsplit.istio.rules import check_object
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import Diversion, Group, MatchKind, Outcome, RestStrategy, Shadow, StringMatch
from support.istio import (
    knative,
    make_group,
    make_own_routing,
    make_routing,
    make_split,
    model_mesh,
    standard,
)

PREVIEW = (("x-meshsplit-preview", StringMatch(MatchKind.EXACT, "g")),)
TESTERS = (
    ("x-tester", StringMatch(MatchKind.EXACT, "yes")),
    ("x-team", StringMatch(MatchKind.PREFIX, "ml-")),
)


def write(
    group: Group, diversion: Diversion | None = None, shadow: Shadow | None = None, **weights: int
) -> list[dict[str, Any]]:
    plan = make_group_plan(group, make_split(weights), diversion, shadow)
    body = make_virtual_service(plan, "networking.istio.io/v1")
    assert check_object(body) == ()
    routes = body["spec"]["http"]
    assert isinstance(routes, list)
    return routes


def test_a_preview_on_an_own_host_comes_before_everything() -> None:
    group = make_group(
        replace(standard("a"), served_name="g"),
        replace(standard("b"), served_name="g"),
        routing=make_own_routing(),
    )
    preview, active = write(group, Diversion("b", (PREVIEW,)), a=100, b=0)
    assert preview["match"] == [{"headers": {"x-meshsplit-preview": {"exact": "g"}}}]
    assert preview["route"][0]["destination"]["host"].startswith("b-predictor")
    assert "match" not in active
    assert active["route"][0]["destination"]["host"].startswith("a-predictor")


def test_on_the_shared_host_every_route_of_the_member_gets_the_header() -> None:
    group = make_group(model_mesh("a"), model_mesh("b"))
    routes = write(group, Diversion("b", (PREVIEW,)), a=80, b=20)
    names = [route["name"] for route in routes]
    assert names == [
        *("grpc-routing.aside", "g.b.aside", "metadata-routing.aside"),
        *("grpc-routing", "g.b", "g.a", "metadata-routing"),
    ]
    grpc, rest, metadata = routes[:3]
    assert grpc["match"][0]["headers"]["mm-vmodel-id"] == {"exact": "g"}
    assert grpc["route"][0]["headers"] == {"request": {"set": {"mm-vmodel-id": "b"}}}
    assert rest["rewrite"] == {"uri": "/v2/models/b/"}
    for route in (grpc, rest, metadata):
        assert route["match"][0]["headers"]["x-meshsplit-preview"] == {"exact": "g"}


def test_who_is_diverted_gets_no_bucket_and_may_be_so_by_the_header_of_affinity() -> None:
    affinity = BucketAffinity("x-client-id", BucketCookie("meshsplit-g", 3600))
    group = replace(make_group(model_mesh("a"), model_mesh("b")), affinity=affinity)
    testers = (("x-client-id", StringMatch(MatchKind.EXACT, "tester")),)
    routes = write(group, Diversion("b", (testers,)), a=80, b=20)
    plain = write(replace(group, affinity=None), Diversion("b", (testers,)), a=80, b=20)
    assert routes[:3] == plain[:3]
    assert routes[3:] == write(group, a=80, b=20)


def test_copies_are_made_of_every_level() -> None:
    affinity = BucketAffinity("x-client-id", BucketCookie("meshsplit-g", 3600))
    members = (standard("a", "g"), standard("b", "g"))
    group = replace(make_group(*members, routing=make_own_routing()), affinity=affinity)
    routes = write(group, shadow=Shadow("b", 10), a=100, b=0)
    assert [route["name"] for route in routes] == ["weighted-routing.a.cookie", "weighted-routing.a"]
    assert all(route["mirror"]["host"].startswith("b-predictor") for route in routes)


def test_any_of_several_matches_is_enough_and_each_needs_all_its_headers() -> None:
    group = make_group(model_mesh("a"), model_mesh("b"))
    rest = write(group, Diversion("b", (PREVIEW, TESTERS)), a=100, b=0)[1]
    assert [match["headers"] for match in rest["match"]] == [
        {"x-meshsplit-preview": {"exact": "g"}},
        {"x-tester": {"exact": "yes"}, "x-team": {"prefix": "ml-"}},
    ]
    assert len({match["uri"]["prefix"] for match in rest["match"]}) == 1


@pytest.mark.parametrize("strategy", list(RestStrategy))
def test_every_strategy_diverts_to_a_member_without_weight(strategy: RestStrategy) -> None:
    routing = make_routing(rest=strategy)
    members = [replace(model_mesh(name), served_name="g") for name in "ab"]
    routes = write(make_group(*members, routing=routing), Diversion("b", (PREVIEW,)), a=100, b=0)
    plain = write(make_group(*members, routing=routing), a=100, b=0)
    assert routes[len(routes) - len(plain) :] == plain
    diverted = routes[: len(routes) - len(plain)]
    assert diverted
    assert all("x-meshsplit-preview" in match["headers"] for route in diverted for match in route["match"])


def test_a_second_condition_on_one_header_leaves_the_route_out() -> None:
    group = make_group(model_mesh("a"), model_mesh("b"))
    taken = (("content-type", StringMatch(MatchKind.EXACT, "application/json")),)
    routes = write(group, Diversion("b", (taken,)), a=100, b=0)
    assert routes[0]["name"] == "g.b.aside"


def test_members_of_one_name_on_services_of_their_own_get_copies() -> None:
    members = [replace(standard(name), served_name="g") for name in "ab"]
    group = make_group(*members, routing=make_own_routing())
    (route,) = write(group, shadow=Shadow("b", 10), a=100, b=0)
    assert route["mirror"]["host"].startswith("b-predictor")
    assert route["mirrorPercentage"] == {"value": 10}


@pytest.mark.parametrize(
    ("group", "why"),
    [
        (make_group(model_mesh("a"), model_mesh("b")), "shares ModelMesh's Service"),
        (
            make_group(standard("a"), standard("b"), routing=make_own_routing()),
            "serves b, and a copy asks for a",
        ),
        (
            make_group(
                *(replace(knative(name), served_name="g") for name in "ab"), routing=make_own_routing()
            ),
            "is found by its Host header",
        ),
        (make_group(standard("a"), standard("c"), routing=make_own_routing()), "b is no member"),
    ],
)
def test_copies_that_nobody_would_understand_are_not_sent_and_it_is_said(group: Group, why: str) -> None:
    shadow = Shadow("b", 10)
    assert all("mirror" not in route for route in write(group, shadow=shadow, a=100))
    outcome = Outcome(group, make_split({"a": 100}), shadow=shadow)
    (finding,) = check_shadow(outcome)
    assert isinstance(finding, Finding)
    assert finding.code == "MSP216"
    assert why in finding.message


@pytest.mark.parametrize("value", [-1, 100.5, float("nan"), "ten"])
def test_a_percentage_that_istio_would_refuse_is_found(value: Any) -> None:
    members = [replace(standard(name), served_name="g") for name in "ab"]
    plan = make_group_plan(
        make_group(*members, routing=make_own_routing()), make_split({"a": 100}), shadow=Shadow("b", 10)
    )
    body = make_virtual_service(plan, "networking.istio.io/v1")
    body["spec"]["http"][0]["mirrorPercentage"]["value"] = value
    (violation,) = check_object(body)
    assert violation.path[-2:] == ("mirrorPercentage", "value")
