"""The gateway's listener as istiod sends it, but with routes from a file and no access log or tracing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.config import ROUTE_CONFIGURATION

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = "127.0.0.1"
LISTENER = "gateway"
_EXTENSIONS = "type.googleapis.com/envoy.extensions"


def make_listener(port: int, routes: Mapping[str, Any]) -> dict[str, Any]:
    """A Listener on loopback (port 0: any free one) that reads its routes from the ConfigSource `routes`."""
    manager = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": _make_connection_manager(routes),
    }
    return {
        "name": LISTENER,
        "address": {"socket_address": {"address": LOOPBACK, "port_value": port}},
        # With it, two gateways could share a busy port and each would get some of the requests.
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [manager], "transport_socket_connect_timeout": "15s"}],
        "max_connections_to_accept_per_socket_event": 1,
        "traffic_direction": "OUTBOUND",
    }


def _make_connection_manager(routes: Mapping[str, Any]) -> dict[str, Any]:
    """Makes a fresh `x-request-id` for every caller, whatever id it brings: bucket routes rest on that.

    `use_remote_address` makes the connection's own address decide whether a caller is internal (may keep its
    id), and without an `internal_address_config` nobody is, since Envoy 1.33. An empty one is not the same:
    it makes loopback and private addresses internal (measured with 1.40).
    """
    return {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": LISTENER,
        "server_name": "istio-envoy",
        "rds": {"route_config_name": ROUTE_CONFIGURATION, "config_source": routes},
        "use_remote_address": True,
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
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"subject": True, "cert": True, "dns": True, "uri": True},
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
