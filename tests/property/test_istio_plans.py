"""Every plan, whatever the group: its weights, what it never holds, and that Istio takes the object."""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from meshsplit.istio import names
from meshsplit.istio.plan import make_group_plan, make_model_plan
from meshsplit.istio.routes import HOST_HEADER
from meshsplit.istio.rules import check_object
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import (
    DeploymentMode,
    Group,
    Member,
    Model,
    RestStrategy,
    Route,
    RoutePlan,
    RoutingMode,
    Split,
)
from support.strategies import groups_with_split, models

CRDS = os.environ.get("MESHSPLIT_CRDS")
API_VERSIONS = st.sampled_from(["v1", "v1beta1"])


@cache
def spec_validator(version: str) -> Draft202012Validator:
    """The CRD's schema of a spec; unknown fields, which a server would prune, are refused."""
    text = (Path(CRDS or "") / "virtualservices.networking.istio.io.yaml").read_text()
    versions = {each["name"]: each for each in yaml.safe_load(text)["spec"]["versions"]}
    schema = versions[version]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return Draft202012Validator(strict(schema))


def strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        copied.setdefault("additionalProperties", False)
    return copied


def body_of(plan: RoutePlan, version: str) -> dict[str, Any]:
    return make_virtual_service(plan, f"networking.istio.io/{version}")


def weighted_routes(plan: RoutePlan) -> Iterator[Route]:
    return (route for route in plan.routes if len(route.destinations) > 1)


def meshed(member: Member) -> bool:
    return member.mode is DeploymentMode.MODEL_MESH


@given(groups_with_split())
def test_weights_of_every_route_add_up_to_the_split_of_those_who_speak_its_protocol(
    case: tuple[Group, Split],
) -> None:
    group, split = case
    weighing = {
        names.GRPC_ROUTE: [m for m in group.members if m.grpc],
        names.WEIGHTED_ROUTE: [m for m in group.members if not group.routing.own_host or not meshed(m)],
    }
    for route in weighted_routes(make_group_plan(group, split)):
        speakers = weighing.get(route.name or "", group.members)
        total = sum(split.of(member.name) for member in speakers)
        assert sum(each.weight or 0 for each in route.destinations) == total
        assert all(each.weight for each in route.destinations)


@given(groups_with_split())
def test_when_all_members_speak_everything_the_weights_add_up_to_the_total(case: tuple[Group, Split]) -> None:
    group, split = case
    if all(m.rest and m.grpc and not (group.routing.own_host and meshed(m)) for m in group.members):
        for route in weighted_routes(make_group_plan(group, split)):
            assert sum(each.weight or 0 for each in route.destinations) == split.total


@given(groups_with_split())
def test_every_route_leads_to_members_that_have_weight(case: tuple[Group, Split]) -> None:
    group, split = case
    routes = make_group_plan(group, split).routes
    weighty = [member for member in group.members if split.of(member.name)]
    names_there = {name for member in weighty for name in (member.name, member.served_name)}
    endpoints = {each for member in weighty for each in (member.rest, member.grpc)} | {group.routing.loop}
    destinations = [destination for route in routes for destination in route.destinations]
    assert {destination.endpoint for destination in destinations} <= endpoints
    headers = {value for each in destinations for key, value in each.set_headers if key != HOST_HEADER}
    assert headers <= names_there
    rewrites = [route.rewrite_uri for route in routes if route.rewrite_uri is not None]
    loop = names.loop_path(group.key.namespace, group.key.name)
    for rewrite in set(rewrites) - {loop}:
        _, _, served = re.sub("(/|:|/infer)$", "", rewrite).rpartition("/models/")
        assert served in names_there


@given(groups_with_split(), API_VERSIONS)
def test_istio_takes_every_group(case: tuple[Group, Split], version: str) -> None:
    plan = make_group_plan(*case)
    if plan.routes:
        assert check_object(body_of(plan, version)) == ()


@given(models(), API_VERSIONS)
def test_istio_takes_every_model(model: Model, version: str) -> None:
    plan = make_model_plan(model)
    if plan.routes:
        assert check_object(body_of(plan, version)) == ()


@given(st.one_of(groups_with_split().map(lambda case: make_group_plan(*case)), models().map(make_model_plan)))
def test_a_plan_without_routes_is_refused_and_not_written_as_an_empty_object(plan: RoutePlan) -> None:
    refused = [violation.path for violation in check_object(body_of(plan, "v1"))]
    assert refused == ([] if plan.routes else [("spec",)])


@pytest.mark.skipif(not CRDS, reason="MESHSPLIT_CRDS is not set")
@given(groups_with_split(), API_VERSIONS)
def test_every_group_fits_the_crd(case: tuple[Group, Split], version: str) -> None:
    body = body_of(make_group_plan(*case), version)
    assert list(spec_validator(version).iter_errors(body["spec"])) == []


@pytest.mark.skipif(not CRDS, reason="MESHSPLIT_CRDS is not set")
@given(models(), API_VERSIONS)
def test_every_model_fits_the_crd(model: Model, version: str) -> None:
    body = body_of(make_model_plan(model), version)
    assert list(spec_validator(version).iter_errors(body["spec"])) == []


@pytest.mark.skipif(not CRDS, reason="MESHSPLIT_CRDS is not set")
def test_the_schema_check_refuses_an_unknown_field_and_a_wrong_type() -> None:
    errors = spec_validator("v1").iter_errors({"http": [{"rout": []}], "hosts": "a"})
    assert len(list(errors)) == 2


@given(groups_with_split())
def test_a_delegate_has_no_hosts_and_no_gateways_and_everything_else_both(case: tuple[Group, Split]) -> None:
    group, split = case
    spec = body_of(make_group_plan(group, split), "v1")["spec"]
    alone = group.routing.mode is RoutingMode.STANDALONE
    assert ("hosts" in spec, "gateways" in spec) == (alone, alone)


@given(groups_with_split())
def test_timeout_and_retries_are_on_every_route(case: tuple[Group, Split]) -> None:
    group, split = case
    for route in make_group_plan(group, split).routes:
        assert (route.timeout, route.retries) == (group.routing.timeout, group.routing.retries)


@given(groups_with_split(min_members=2))
def test_only_the_last_rest_route_of_a_path_has_no_bucket(case: tuple[Group, Split]) -> None:
    group, split = case
    if group.routing.own_host or group.routing.rest is not RestStrategy.SINGLE_HOP:
        return
    prefixed = [
        dict(match.headers)
        for route in make_group_plan(replace(group, affinity=None), split).routes
        for match in route.matches
        if match.uri is not None and match.uri.kind == "prefix"
    ]
    assert ["x-request-id" in headers for headers in prefixed] == [True] * (len(prefixed) - 1) + [
        False
    ] * bool(prefixed)


@given(groups_with_split(), st.randoms())
def test_the_order_of_members_changes_nothing(case: tuple[Group, Split], random: Any) -> None:
    group, split = case
    shuffled = list(group.members)
    random.shuffle(shuffled)
    again = replace(group, members=tuple(shuffled))
    assert make_group_plan(again, split) == make_group_plan(group, split)
