"""Whether an object is built as Istio's types are, so that the rules can read it without asking again."""

from collections.abc import Mapping
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


def check_shape(value: Any, shape: Shape, path: FieldPath = ()) -> list[Violation]:
    """List a violation for every value of a wrong type; null is absent, but not as an element of a list."""
    found: list[Violation] = []
    _check(value, shape, path, found)
    return found


def _check(value: Any, shape: Shape, path: FieldPath, found: list[Violation]) -> None:
    if isinstance(shape, dict):
        _check_map(value, shape, path, found)
    elif isinstance(shape, Values):
        _check_values(value, shape.shape, path, found)
    elif isinstance(shape, Each):
        _check_list(value, shape.shape, path, found)
    elif type(value) is not shape and not (shape is float and type(value) is int):
        found.append(Violation(path, f"want {WORDS[shape]}, got {value!r:.40}"))


def _check_list(value: Any, element: Shape, path: FieldPath, found: list[Violation]) -> None:
    if not isinstance(value, list):
        found.append(Violation(path, f"want a list, got {value!r:.40}"))
        return
    for index, each in enumerate(value):
        if each is None:
            found.append(Violation((*path, index), "may not be null"))
        elif type(each) is not element:  # else it is a scalar that fits: most values are
            _check(each, element, (*path, index), found)


def _check_values(value: Any, element: Shape, path: FieldPath, found: list[Violation]) -> None:
    shape = dict.fromkeys(value, element) if isinstance(value, Mapping) else {}
    _check_map(value, shape, path, found)


def _check_map(value: Any, shape: dict[str, Shape], path: FieldPath, found: list[Violation]) -> None:
    """Check the fields that are there, in their order."""
    if type(value) is not dict and not isinstance(value, Mapping):
        found.append(Violation(path, f"want an object, got {value!r:.40}"))
        return
    for key, each in value.items():
        if not isinstance(key, str):
            found.append(Violation(path, f"want strings as keys, got {key!r:.40}"))
        elif each is not None and key in shape and type(each) is not shape[key]:
            _check(each, shape[key], (*path, key), found)


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
