"""The listeners of a gateway and a sidecar as istiod sends them, but routes from files, and no access log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.config import ROUTE_CONFIGURATION, SIDECAR_CONFIGURATION

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = "127.0.0.1"
LISTENER = "gateway"
SIDECAR_LISTENER = "sidecar"
_EXTENSIONS = "type.googleapis.com/envoy.extensions"


def make_listener(port: int, routes: Mapping[str, Any]) -> dict[str, Any]:
    """A gateway's, on loopback (port 0: any free one), with its routes from the ConfigSource `routes`.

    Makes a fresh `x-request-id` for every caller, whatever id it brings: bucket routes rest on that.
    `use_remote_address` makes the connection's own address decide whether a caller is internal (may keep its
    id), and without an `internal_address_config` nobody is, since Envoy 1.33. An empty one is not the same:
    it makes loopback and private addresses internal (measured with 1.40).
    """
    own = {
        "server_name": "istio-envoy",
        "use_remote_address": True,
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"subject": True, "cert": True, "dns": True, "uri": True},
    }
    return _make_listener(LISTENER, port, {**_make_connection_manager(LISTENER), **own}, routes)


def make_sidecar_listener(routes: Mapping[str, Any]) -> dict[str, Any]:
    """A sidecar's, on a free port of loopback, for requests to any Service by its name.

    Callers behind a sidecar are internal: they keep the `x-request-id` that they bring.
    """
    own = {"use_remote_address": False}
    return _make_listener(SIDECAR_LISTENER, 0, {**_make_connection_manager(SIDECAR_LISTENER), **own}, routes)


_CONFIGURATIONS = {LISTENER: ROUTE_CONFIGURATION, SIDECAR_LISTENER: SIDECAR_CONFIGURATION}


def _make_listener(
    name: str, port: int, manager: Mapping[str, Any], routes: Mapping[str, Any]
) -> dict[str, Any]:
    discovery = {"route_config_name": _CONFIGURATIONS[name], "config_source": routes}
    network_filter = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {**manager, "rds": discovery},
    }
    return {
        "name": name,
        "address": {"socket_address": {"address": LOOPBACK, "port_value": port}},
        # With it, two gateways could share a busy port and each would get some of the requests.
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [network_filter], "transport_socket_connect_timeout": "15s"}],
        "max_connections_to_accept_per_socket_event": 1,
        "traffic_direction": "OUTBOUND",
    }


def _make_connection_manager(name: str) -> dict[str, Any]:
    return {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "request_id_extension": {
            "typed_config": {
                "@type": f"{_EXTENSIONS}.request_id.uuid.v3.UuidRequestIdConfig",
                "use_request_id_for_trace_sampling": True,
            }
        },
        "normalize_path": True,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "http_protocol_options": {},
        "proxy_100_continue": True,
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": [
            _make_filter("grpc_stats", "FilterConfig", emit_filter_state=True, stats_for_all_methods=False),
            _make_filter("fault", "HTTPFault"),
            _make_filter("cors", "Cors"),
            _make_filter("router", "Router"),
        ],
    }


def _make_filter(name: str, message: str, **settings: bool) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.{name}.v3.{message}", **settings},
    }
