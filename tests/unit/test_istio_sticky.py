"""Sticky sessions as routes: the levels of one group, by hand; every group is in tests/property."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.affinity import BucketAffinity, BucketCookie
from meshsplit.istio.rules import check_object
from meshsplit.model import Group, RestStrategy
from support.istio import knative, make_group, make_own_routing, make_routing, model_mesh, write_group

CASES = os.environ.get("MESHSPLIT_ISTIO_CASES")
COOKIE = BucketAffinity(cookie=BucketCookie("meshsplit-g", 3600))
HEADER = BucketAffinity(header="x-client-id")
BOTH = replace(COOKIE, header="x-client-id")


def routes_of(group: Group, affinity: BucketAffinity | None, **weights: int) -> list[dict[str, Any]]:
    body = write_group(replace(group, affinity=affinity), **weights)
    assert check_object(body) == ()
    routes = body["spec"]["http"]
    assert isinstance(routes, list)
    return routes


def keys_of(routes: list[dict[str, Any]], prefix: str) -> list[tuple[str, dict[str, str]]]:
    """Names of routes, and what their matches ask of headers beyond what a group's always do."""
    usual = {"content-type", "mm-vmodel-id"}
    return [
        (
            route["name"],
            {
                name: match["regex"]
                for name, match in route.get("match", [{}])[0].get("headers", {}).items()
                if name not in usual
            },
        )
        for route in routes
        if route["name"].startswith(prefix)
    ]


def mesh_group(rest: RestStrategy = RestStrategy.SINGLE_HOP) -> Group:
    return make_group(model_mesh("a"), model_mesh("b"), routing=make_routing(rest=rest))


LOW, HIGH = "(?:[0-2]|3[0-2]|33[0-2]).*", "(?:33[3-9a-f]|3[4-9a-f]|[4-9a-f]).*"


@pytest.mark.parametrize("prefix", ["g", "grpc-routing"])
def test_a_header_is_looked_at_before_a_cookie_and_a_new_client_last(prefix: str) -> None:
    routes = routes_of(mesh_group(), BOTH, a=80, b=20)
    cookie = r"(?:.*;\s*)?meshsplit-g="
    assert keys_of(routes, f"{prefix}.") == [
        (f"{prefix}.b.header", {"x-client-id": f"(?i){LOW}"}),
        (f"{prefix}.a.header", {"x-client-id": f"(?i){HIGH}"}),
        (f"{prefix}.b.cookie", {"cookie": cookie + LOW}),
        (f"{prefix}.a.cookie", {"cookie": cookie + HIGH}),
        (f"{prefix}.b", {"x-request-id": LOW}),
        (f"{prefix}.a", {}),
    ]
    giving = [route["name"] for route in routes if "headers" in route]
    assert giving == ["grpc-routing.b", "grpc-routing.a", "g.b", "g.a"]


def test_a_new_client_is_given_the_id_of_its_request_as_a_cookie() -> None:
    last = routes_of(mesh_group(), COOKIE, a=80, b=20)[-2]
    said = "meshsplit-g=%REQ(X-REQUEST-ID)%; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax"
    assert last["headers"] == {"response": {"add": {"set-cookie": said}}}
    session = BucketAffinity(cookie=BucketCookie("meshsplit-g", 0))
    last = routes_of(mesh_group(), session, a=80, b=20)[-2]
    assert last["headers"]["response"]["add"]["set-cookie"] == said.replace("Max-Age=3600; ", "")


def test_without_a_cookie_nothing_is_set() -> None:
    routes = routes_of(mesh_group(), HEADER, a=80, b=20)
    assert not any("headers" in route for route in routes)
    assert [name for name, _ in keys_of(routes, "g.")] == ["g.b.header", "g.a.header", "g.b", "g.a"]


def test_a_thousandth_is_four_buckets_at_every_level() -> None:
    routes = routes_of(mesh_group(), BOTH, a=999, b=1)
    found = [key for name, keys in keys_of(routes, "g.b") for key in keys.values()]
    assert [key[-len("(?:00[0-3]).*") :] for key in found] == ["(?:00[0-3]).*"] * 3


def test_at_100_to_0_a_header_says_nothing_and_a_bucket_is_kept() -> None:
    plain = routes_of(mesh_group(), None, a=100, b=0)
    by_header = routes_of(mesh_group(), HEADER, a=100, b=0)
    assert [{**route, "name": ""} for route in by_header] == [{**route, "name": ""} for route in plain]
    for affinity in (COOKIE, BOTH):
        routes = routes_of(mesh_group(), affinity, a=100, b=0)
        assert [name for name, _ in keys_of(routes, "g.")] == ["g.a.cookie", "g.a"]


@pytest.mark.parametrize("name", ["a.b", "a+b*c^d|e$f%25", "%a%", "c" * 253])
def test_any_legal_name_of_a_cookie_is_matched_as_it_is_written(name: str) -> None:
    affinity = BucketAffinity("x" * 253, BucketCookie(name, 10**9))
    routes = routes_of(mesh_group(), affinity, a=80, b=20)
    (regex,) = next(keys for at, keys in keys_of(routes, "g.b.cookie")).values()
    assert re.fullmatch(regex, f"{name}=332f")
    assert re.fullmatch(regex, f"first=1; {name}=332f; last=2")
    assert not re.fullmatch(regex, f"{name}=333f")
    assert not re.fullmatch(regex, f"x{name}=332f")
    assert not re.fullmatch(regex, f"{'x' * len(name)}=332f")
    given = routes[-2]["headers"]["response"]["add"]["set-cookie"]
    assert given.split("=%REQ(X")[0].replace("%%", "%") == name


def test_a_knative_member_keeps_its_host_at_every_level() -> None:
    group = make_group(knative("a", "g"), knative("b", "g"), routing=make_own_routing())
    routes = routes_of(group, BOTH, a=80, b=20)
    assert [(route["name"].split(".", 1)[1], route["rewrite"]["authority"][0]) for route in routes] == [
        *(("b.header", "b"), ("a.header", "a"), ("b.cookie", "b"), ("a.cookie", "a"), ("b", "b"), ("a", "a"))
    ]


def test_with_loopback_the_first_hop_is_what_knows_a_client() -> None:
    routes = routes_of(mesh_group(RestStrategy.LOOPBACK), COOKIE, a=80, b=20)[4:]
    first, second = routes[:4], routes[4:]
    assert [route["route"][0]["headers"]["request"]["set"]["x-vmodel"] for route in first] == list("baba")
    assert {route["rewrite"]["uri"] for route in first} == {"/vmodel-route/ns/g/infer"}
    assert [route["match"][0]["headers"] for route in second] == [
        {"x-vmodel": {"exact": "a"}},
        {"x-vmodel": {"exact": "b"}},
    ]


@pytest.mark.skipif(not CASES, reason="MESHSPLIT_ISTIO_CASES is not set")
def test_the_routes_are_those_that_a_real_istiod_took() -> None:
    text = (Path(CASES or "") / "sticky-bucket-cookie-and-rewrite" / "in.yaml").read_text()
    (recorded,) = yaml.safe_load_all(text.replace("ai-model-", "").replace("ai-model", "g"))
    theirs = recorded["spec"]["http"]
    group = make_group(model_mesh("one"), model_mesh("two"))
    ours = [route for route in routes_of(group, COOKIE, one=80, two=20) if route["name"].startswith("g.")]
    # The recorded level of known clients ended with any value at all, ours ends with the last range.
    theirs[1]["match"][0]["headers"]["cookie"]["regex"] = rf"(?:.*;\s*)?meshsplit-g={HIGH}"
    assert [{**route, "name": ""} for route in ours] == [{**route, "name": ""} for route in theirs]
