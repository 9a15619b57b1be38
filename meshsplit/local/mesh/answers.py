"""Routes that the gateway answers itself (Istio: ApplyRedirect, ApplyDirectResponse in route.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshsplit.local.mesh.virtualservice import DirectResponse, Redirect

# Envoy's names; 301 is its default.
_RESPONSE_CODES = {302: "FOUND", 303: "SEE_OTHER", 307: "TEMPORARY_REDIRECT", 308: "PERMANENT_REDIRECT"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def to_redirect(redirect: Redirect, gateway_port: int) -> dict[str, Any]:
    """Envoy's RedirectAction; the port is left out where it is the scheme's own."""
    port = gateway_port if redirect.derive_port == "FROM_REQUEST_PORT" else redirect.port
    if port == _DEFAULT_PORTS.get(redirect.scheme or "http"):
        port = None
    optional = {
        "host_redirect": redirect.authority,
        "scheme_redirect": redirect.scheme,
        "port_redirect": port,
        "response_code": _RESPONSE_CODES.get(redirect.redirect_code),
    }
    return {"path_redirect": redirect.uri, **{name: value for name, value in optional.items() if value}}


def to_direct_response(response: DirectResponse) -> dict[str, Any]:
    """Envoy's DirectResponseAction."""
    body = response.body
    if body and body.string is not None:
        return {"status": response.status, "body": {"inline_string": body.string}}
    if body and body.bytes is not None:
        return {"status": response.status, "body": {"inline_bytes": body.bytes}}
    return {"status": response.status}
