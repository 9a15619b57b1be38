"""What a mesh is to Envoy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUTE_CONFIGURATION = "http.gateway"
"""The route configuration the gateway's listener asks for."""
SIDECAR_CONFIGURATION = "http_proxy"
"""The one the sidecar's listener asks for; Istio's own name for that of meshConfig.proxyHttpPort."""


@dataclass(frozen=True, slots=True)
class MeshConfig:
    """Envoy resources as JSON: one RouteConfiguration, Clusters by name, ClusterLoadAssignments by name.

    `clusters` holds only clusters that `routes` name and that exist; each has its entry in `endpoints`.
    """

    routes: Mapping[str, Any]
    clusters: tuple[Mapping[str, Any], ...]
    endpoints: tuple[Mapping[str, Any], ...]

    def to_static_clusters(self) -> dict[str, dict[str, Any]]:
        """Clusters by name with their endpoints inside, for a transport without endpoint discovery."""
        assignments = {it["cluster_name"]: it for it in self.endpoints}
        return {
            cluster["name"]: {
                **{key: value for key, value in cluster.items() if key != "eds_cluster_config"},
                "type": "STATIC",
                "load_assignment": assignments[cluster["name"]],
            }
            for cluster in self.clusters
        }
