"""Header operations as Envoy's fields (Istio: TranslateHeadersOperations in route.go)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.local.mesh.virtualservice import HeaderOperations, Headers

_AUTHORITY_NAMES = (":authority", "host")  # in lower case


@dataclass(frozen=True, slots=True)
class HeaderFields:
    """Envoy's header fields, empty ones left out, and the authority that the operations set ("" for none).

    Envoy cannot set `:authority` or `host` as a header, so it leaves as a rewrite of the host.
    """

    fields: Mapping[str, list[Any]]
    authority: str


NO_HEADERS = HeaderFields(fields={}, authority="")


def to_header_fields(headers: Headers | None) -> HeaderFields:
    """Sets before adds, each by name."""
    if headers is None:
        return NO_HEADERS
    fields = {
        "request_headers_to_add": _to_additions(headers.request),
        "request_headers_to_remove": _to_removals(headers.request),
        "response_headers_to_add": _to_additions(headers.response),
        "response_headers_to_remove": _to_removals(headers.response),
    }
    return HeaderFields(
        fields={name: value for name, value in fields.items() if value},
        authority=_to_authority(headers.request.set) or _to_authority(headers.request.add),
    )


def append_fields(first: HeaderFields, second: HeaderFields) -> dict[str, list[Any]]:
    """The fields of both, `first`'s operations before `second`'s."""
    names = sorted({*first.fields, *second.fields})
    return {name: [*first.fields.get(name, ()), *second.fields.get(name, ())] for name in names}


def _to_additions(operations: HeaderOperations) -> list[Any]:
    sets = [
        {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD", "header": {"key": name, "value": value}}
        for name, value in sorted(operations.set.items())
        if not _is_internal(name)
    ]
    adds = [
        # Without an action Envoy appends.
        {"header": {"key": name, "value": value}}
        for name, value in sorted(operations.add.items())
        if not _is_internal(name)
    ]
    return [*sets, *adds]


def _to_removals(operations: HeaderOperations) -> list[Any]:
    return [name for name in operations.remove if not _is_internal(name)]


def _to_authority(values: Mapping[str, str]) -> str:
    return next((value for name, value in sorted(values.items()) if name.lower() in _AUTHORITY_NAMES), "")


def _is_internal(name: str) -> bool:
    return name.startswith(":") or name.lower() == "host"
