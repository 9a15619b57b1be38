"""Sticky sessions as routes: whatever the group, a bucket belongs to one member, at every level the same."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from meshsplit.affinity import BucketAffinity
from meshsplit.istio import buckets, names
from meshsplit.istio.plan import make_group_plan
from meshsplit.model import (
    DeploymentMode,
    Endpoint,
    Group,
    MatchKind,
    Member,
    Route,
    RouteMatch,
    Split,
    StringMatch,
)
from support.strategies import affinities, groups, groups_with_split

TAIL = "f1d2c3-9a4b-4c5d-8e6f-0123456789ab"

some_examples = settings(max_examples=40)
some_buckets = st.lists(st.integers(0, buckets.BUCKETS - 1), min_size=1, max_size=8)
growing = st.lists(st.integers(0, 1000), min_size=2, max_size=2, unique=True).map(sorted)


def holds(match: StringMatch | None, value: str | None) -> bool:
    if match is None or value is None:
        return match is None
    if match.kind is MatchKind.REGEX:
        return re.fullmatch(match.value, value) is not None
    return value == match.value if match.kind is MatchKind.EXACT else value.startswith(match.value)


def takes(route: Route, path: str, headers: Mapping[str, str]) -> bool:
    return any(
        holds(match.uri, path) and all(holds(value, headers.get(name)) for name, value in match.headers)
        for match in route.matches or (RouteMatch(),)
    )


def requests_of(group: Group) -> list[tuple[str, dict[str, str]]]:
    """A path and the headers of one request of every kind that a group may be asked by."""
    public = "" if group.routing.own_host else f"/modelmesh/{group.key.namespace}"
    grpc = {"content-type": "application/grpc", "mm-vmodel-id": group.key.name}
    asked = [(f"{public}/v2/models/{group.key.name}/infer", {}), ("/inference.GRPCInferenceService/A", grpc)]
    if group.routing.own_host:
        asked += [(f"/v1/models/{group.key.name}:predict", {}), ("/openai/v1/completions", {})]
    return asked


def keys_of(affinity: BucketAffinity, bucket: int) -> list[dict[str, str]]:
    """What a client of this bucket may bring, and a new one that is given it."""
    key = f"{bucket:0{buckets.DIGITS}x}{TAIL}"
    other = {buckets.HEADER: f"{buckets.BUCKETS - 1 - bucket:0{buckets.DIGITS}x}{TAIL}"}
    brought = [{buckets.HEADER: key}]
    if affinity.header is not None:
        brought += [{affinity.header: key, **other}, {affinity.header: key.upper(), **other}]
    if affinity.cookie is not None:
        name = affinity.cookie.name
        brought += [{"cookie": f"{more}{name}={key}", **other} for more in ("", "a=b; ", f"x{name}=0; ")]
        brought += [{"cookie": f"{name}={key}; a=b", **other}]
    return brought


def answer(routes: Sequence[Route], path: str, headers: Mapping[str, str]) -> Route | None:
    return next((route for route in routes if takes(route, path, headers)), None)


def apart(group: Group, affinity: BucketAffinity | None) -> Group:
    """The group with endpoints that tell its members apart."""

    def at(member: Member, end: Endpoint | None) -> Endpoint | None:
        return end and end._replace(host=f"{member.name}.local")

    members = (replace(it, rest=at(it, it.rest), grpc=at(it, it.grpc)) for it in group.members)
    return replace(group, members=tuple(members), affinity=affinity)


def member_of(route: Route | None, group: Group) -> str | None:
    """The one member that a route leads to; None of no route."""
    if route is None:
        return None
    (destination,) = route.destinations
    if destination.endpoint == group.routing.loop:
        return dict(destination.set_headers)[names.LOOP_HEADER]
    return destination.endpoint.host.removesuffix(".local")


@some_examples
@given(groups_with_split(max_members=5), affinities, some_buckets)
def test_a_bucket_leads_to_one_member_however_it_is_brought(
    case: tuple[Group, Split], affinity: BucketAffinity, some: list[int]
) -> None:
    group = apart(case[0], affinity)
    routes = make_group_plan(group, case[1]).routes
    for (path, headers), bucket in product(requests_of(group), some):
        asked = ({**headers, **brought} for brought in keys_of(affinity, bucket))
        assert len({member_of(answer(routes, path, each), group) for each in asked}) == 1


@some_examples
@given(groups_with_split(max_members=5), affinities, some_buckets)
def test_of_the_routes_of_a_level_exactly_one_takes_a_bucket(
    case: tuple[Group, Split], affinity: BucketAffinity, some: list[int]
) -> None:
    routes = make_group_plan(replace(case[0], affinity=affinity), case[1]).routes
    for key in keys_of(affinity, 0)[1:]:
        header = next(iter(key))
        levels: dict[object, list[StringMatch]] = defaultdict(list)
        for match in (match for route in routes for match in route.matches):
            others = tuple(pair for pair in match.headers if pair[0] != header)
            if others != match.headers:
                levels[match.uri, others].append(dict(match.headers)[header])
        for level, bucket in product(levels.values(), some):
            brought = key[header].replace(f"000{TAIL}", f"{bucket:03x}{TAIL}")
            assert sum(holds(match, brought) for match in level) == 1


@some_examples
@given(groups_with_split(max_members=5), affinities)
def test_a_client_without_a_bucket_is_served_and_given_one_if_it_may_keep_it(
    case: tuple[Group, Split], affinity: BucketAffinity
) -> None:
    group, split = replace(case[0], affinity=affinity), case[1]
    sticky, plain = (make_group_plan(each, split).routes for each in (group, replace(group, affinity=None)))
    for path, headers in requests_of(group):
        asked = {**headers, buckets.HEADER: f"7ff{TAIL}"}
        served = answer(sticky, path, asked)
        assert (served is None) == (answer(plain, path, asked) is None)
        assert served is None or bool(served.add_response_headers) == (affinity.cookie is not None)


def is_uniform(group: Group) -> bool:
    """Whether all members take the same requests, so that the weights alone say who gets one."""
    return len({(it.mode is DeploymentMode.MODEL_MESH, it.rest is None) for it in group.members}) == 1


@some_examples
@given(groups(min_members=2, max_members=2).filter(is_uniform), affinities, growing)
def test_a_larger_weight_only_adds_buckets(group: Group, affinity: BucketAffinity, two: list[int]) -> None:
    group = apart(group, affinity)
    one, other = (member.name for member in group.members)
    low, high = (
        make_group_plan(group, Split(((one, weight), (other, 1000 - weight)), 1000)).routes for weight in two
    )
    for (path, headers), bucket in product(requests_of(group), range(0, buckets.BUCKETS, 61)):
        asked = {**headers, buckets.HEADER: f"{bucket:03x}{TAIL}"}
        before, after = (member_of(answer(routes, path, asked), group) for routes in (low, high))
        assert before == after or (before, after) == (other, one)
