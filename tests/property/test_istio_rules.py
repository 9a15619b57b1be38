"""Rules read anything without an error, and mind what is changed in a good object."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from meshsplit.istio.conflicts import find_conflicts
from meshsplit.istio.plan import make_group_plan
from meshsplit.istio.rules import check_object
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import Group, Split
from support.strategies import groups_with_split

FIELDS = [
    *("metadata", "name", "namespace", "labels", "annotations", "spec", "hosts", "gateways", "http", "tls"),
    *(
        "match",
        "uri",
        "headers",
        "regex",
        "exact",
        "prefix",
        "route",
        "destination",
        "host",
        "port",
        "number",
    ),
    *(
        "weight",
        "rewrite",
        "authority",
        "retries",
        "attempts",
        "timeout",
        "delegate",
        "request",
        "set",
        "remove",
    ),
    *("subsets", "trafficPolicy", "loadBalancer", "consistentHash", "httpCookie", "maglev", "servers"),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["*", "mesh", "/"]),
)
keys = st.one_of(st.sampled_from(FIELDS), st.text(max_size=4), st.integers())
garbage = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=25,
)
objects = st.fixed_dictionaries(
    {
        "apiVersion": st.just("networking.istio.io/v1"),
        "kind": st.sampled_from(["VirtualService", "DestinationRule", "Gateway"]),
        "metadata": garbage,
        "spec": garbage,
    }
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(place for key, each in value.items() for place in places(each, (*path, key)))]
    if isinstance(value, list):
        return [path, *(place for index, each in enumerate(value) for place in places(each, (*path, index)))]
    return [path]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


@given(objects)
def test_garbage_is_read_without_an_error(body: dict[str, Any]) -> None:
    check_object(body)
    find_conflicts([], [body])


@given(groups_with_split(max_members=3), st.data())
def test_any_change_to_a_good_object_is_read_without_an_error(
    case: tuple[Group, Split], data: st.DataObject
) -> None:
    made = make_virtual_service(make_group_plan(*case), "networking.istio.io/v1")
    path = data.draw(st.sampled_from(places(made)[1:]))
    changed = replaced(made, path, data.draw(garbage))
    check_object(changed)
    find_conflicts([made], [changed])


@given(groups_with_split(max_members=3), st.data())
def test_a_value_of_a_wrong_type_is_reported_where_it_is(
    case: tuple[Group, Split], data: st.DataObject
) -> None:
    made = make_virtual_service(make_group_plan(*case), "networking.istio.io/v1")
    inside = [path for path in places(made) if path[:1] == ("spec",) and path != ("spec",)]
    if not inside:
        return
    path = data.draw(st.sampled_from(inside))
    violations = check_object(replaced(made, path, 0.5))
    assert path in [violation.path for violation in violations]
