"""Whether an object is built as Istio's types are, so that the rules can read it without asking again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.diagnostics import FieldPath
from meshsplit.istio.rules.violation import Violation


@dataclass(frozen=True, slots=True)
class Each:
    """A list whose elements have a shape."""

    shape: "Shape"


@dataclass(frozen=True, slots=True)
class Values:
    """A map from strings to values of a shape."""

    shape: "Shape"


Shape = type | Each | Values | dict[str, "Shape"]
"""A scalar's type, a list, a map, or an object by its fields; fields that it does not name are free."""

WORDS = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def check_shape(value: Any, shape: Shape, path: FieldPath = ()) -> Iterator[Violation]:
    """Yield a violation for every value of a wrong type; null is absent, but not as an element of a list."""
    if isinstance(shape, dict):
        yield from _check_map(value, shape.get, path)
    elif isinstance(shape, Values):
        yield from _check_map(value, lambda _: shape.shape, path)
    elif isinstance(shape, Each):
        yield from _check_list(value, shape.shape, path)
    elif type(value) is not shape and not (shape is float and type(value) is int):
        yield Violation(path, f"want {WORDS[shape]}, got {value!r:.40}")


def _check_list(value: Any, element: Shape, path: FieldPath) -> Iterator[Violation]:
    if not isinstance(value, list):
        yield Violation(path, f"want a list, got {value!r:.40}")
        return
    for index, each in enumerate(value):
        if each is None:
            yield Violation((*path, index), "may not be null")
        elif type(each) is not element:  # else it is a scalar that fits: most values are
            yield from check_shape(each, element, (*path, index))


def _check_map(value: Any, shape_of: Callable[[str], Shape | None], path: FieldPath) -> Iterator[Violation]:
    """Check the fields that are there, in their order."""
    if not isinstance(value, Mapping):
        yield Violation(path, f"want an object, got {value!r:.40}")
        return
    for key, each in value.items():
        if not isinstance(key, str):
            yield Violation(path, f"want strings as keys, got {key!r:.40}")
        elif each is not None and (shape := shape_of(key)) is not None and type(each) is not shape:
            yield from check_shape(each, shape, (*path, key))


METADATA: Shape = {
    "name": str,
    "namespace": str,
    "labels": Values(str),
    "annotations": Values(str),
}

_STRING_MATCH: Shape = {"exact": str, "prefix": str, "regex": str}
_OPERATIONS: Shape = {"add": Values(str), "set": Values(str), "remove": Each(str)}
_HEADERS: Shape = {"request": _OPERATIONS, "response": _OPERATIONS}
_SERVICE: Shape = {"host": str, "subset": str, "port": {"number": int}}

_MATCH: Shape = {
    **dict.fromkeys(("uri", "scheme", "method", "authority"), _STRING_MATCH),
    **dict.fromkeys(("headers", "withoutHeaders", "queryParams"), Values(_STRING_MATCH)),
    "ignoreUriCase": bool,
    "port": int,
    "gateways": Each(str),
    "sourceNamespace": str,
}

_HTTP_ROUTE: Shape = {
    "name": str,
    "match": Each(_MATCH),
    "route": Each({"destination": _SERVICE, "weight": int, "headers": _HEADERS}),
    "redirect": {},
    "directResponse": {},
    "delegate": {"name": str, "namespace": str},
    "rewrite": {"uri": str, "authority": str, "uriRegexRewrite": {"match": str, "rewrite": str}},
    "timeout": str,
    "retries": {"attempts": int, "perTryTimeout": str, "retryOn": str},
    "mirror": _SERVICE,
    "mirrorPercentage": {"value": float},
    "headers": _HEADERS,
}

VIRTUAL_SERVICE: Shape = {
    "metadata": METADATA,
    "spec": {
        "hosts": Each(str),
        "gateways": Each(str),
        "http": Each(_HTTP_ROUTE),
        "tls": Each({}),
        "tcp": Each({}),
    },
}

_LOAD_BALANCER: Shape = {
    "consistentHash": {
        "httpHeaderName": str,
        "httpQueryParameterName": str,
        "useSourceIp": bool,
        "httpCookie": {"name": str, "path": str, "ttl": str},
        "ringHash": {"minimumRingSize": int},
        "maglev": {"tableSize": int},
        "minimumRingSize": int,
    }
}
_TRAFFIC_POLICY: Shape = {
    "loadBalancer": _LOAD_BALANCER,
    "portLevelSettings": Each({"port": {"number": int}, "loadBalancer": _LOAD_BALANCER}),
}

DESTINATION_RULE: Shape = {
    "metadata": METADATA,
    "spec": {
        "host": str,
        "trafficPolicy": _TRAFFIC_POLICY,
        "subsets": Each({"name": str, "labels": Values(str), "trafficPolicy": _TRAFFIC_POLICY}),
    },
}

GATEWAY: Shape = {"metadata": METADATA, "spec": {"servers": Each({"hosts": Each(str)})}}
