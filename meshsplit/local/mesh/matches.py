"""A match of an HTTP route as Envoy's RouteMatch (Istio: TranslateRouteMatch in route.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.local.mesh.virtualservice import HttpMatch, StringMatch

ANYTHING: Mapping[str, Any] = {"prefix": "/"}


def to_route_match(match: HttpMatch | None) -> dict[str, Any]:
    """Header matchers by name, then method, authority and scheme; None matches everything."""
    if match is None:
        return dict(ANYTHING)
    named = [_to_header(name, value) for name, value in match.headers.items()]
    named += [_to_absence(name, value) for name, value in match.without_headers.items()]
    special = ((":method", match.method), (":authority", match.authority), (":scheme", match.scheme))
    headers = [
        *sorted(named, key=lambda header: str(header["name"])),
        *(_to_header(name, value) for name, value in special if value is not None),
    ]
    parameters = [
        {"name": name, **_to_value(value)} for name, value in sorted(match.query_params.items(), key=_by_name)
    ]
    return {
        **_to_path(match.uri),
        "case_sensitive": not match.ignore_uri_case,
        **({"headers": headers} if headers else {}),
        **({"query_parameters": parameters} if parameters else {}),
    }


def is_catch_all(match: Mapping[str, Any]) -> bool:
    """Whether an Envoy match holds for every request (Istio: IsCatchAllRoute)."""
    anything = match.get("prefix") == "/" or match.get("safe_regex") == {"regex": ".*"}
    return anything and "headers" not in match and "query_parameters" not in match


def _by_name(item: tuple[str, StringMatch | None]) -> str:
    return item[0]


def _to_path(uri: StringMatch | None) -> dict[str, Any]:
    if uri is None:
        return dict(ANYTHING)
    if uri.exact is not None:
        return {"path": uri.exact}
    if uri.prefix is not None:
        return {"prefix": uri.prefix}
    return {"safe_regex": {"regex": uri.regex}} if uri.regex is not None else dict(ANYTHING)


def _to_header(name: str, value: StringMatch | None) -> dict[str, Any]:
    return {"name": name, **_to_value(value)}


def _to_absence(name: str, value: StringMatch | None) -> dict[str, Any]:
    header = {**_to_header(name, value), "invert_match": True}
    # Envoy refuses the two together.
    return header if "present_match" in header else {**header, "treat_missing_header_as_empty": True}


def _to_value(value: StringMatch | None) -> dict[str, Any]:
    # Istio reads the regex "*" (not RE2) as "present".
    if value is None or value.regex == "*":
        return {"present_match": True}
    if value.exact is not None:
        return {"string_match": {"exact": value.exact}}
    if value.prefix is not None:
        return {"string_match": {"prefix": value.prefix}}
    if value.regex is not None:
        return {"string_match": {"safe_regex": {"regex": value.regex}}}
    return {"present_match": True}
