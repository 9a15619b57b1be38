"""The entry to the rules: which of them an object must keep."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from meshsplit.istio.rules.destinationrule import check_destination_rule
from meshsplit.istio.rules.metadata import check_metadata
from meshsplit.istio.rules.shape import DESTINATION_RULE, VIRTUAL_SERVICE, Shape, check_shape
from meshsplit.istio.rules.violation import Violation
from meshsplit.istio.rules.virtualservice import check_virtual_service

Check = Callable[[Mapping[str, Any]], Iterator[Violation]]

_KINDS: dict[str, tuple[Shape, Check]] = {
    "VirtualService": (VIRTUAL_SERVICE, check_virtual_service),
    "DestinationRule": (DESTINATION_RULE, check_destination_rule),
}


def check_object(body: Mapping[str, Any]) -> tuple[Violation, ...]:
    """List why the API server or Istio would refuse a VirtualService or DestinationRule, in order of reading.

    Any content is read without an error; an object of another kind breaks no rule. When fields have wrong
    types only those are listed, as a server would. TLS and TCP routes, CORS, faults, exportTo,
    outlier detection, connection pools and client TLS are not looked into: nothing here writes them.
    """
    kind = body.get("kind") if isinstance(body, Mapping) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        return ()
    shape, check = _KINDS[kind]
    misshapen = check_shape(body, shape)
    if misshapen:
        return tuple(misshapen)
    return (*check_metadata(body.get("metadata") or {}), *check(body.get("spec") or {}))
