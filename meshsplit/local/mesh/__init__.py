"""Read Istio objects as istiod reads them for a gateway and a sidecar, and say what Envoy should do; pure."""

from meshsplit.local.mesh.config import MeshConfig
from meshsplit.local.mesh.schema import UnsupportedField
from meshsplit.local.mesh.services import Endpoint, Service, ServicePort
from meshsplit.local.mesh.translate import read_objects, to_gateway, to_mesh, to_sidecar

__all__ = [
    "Endpoint",
    "MeshConfig",
    "Service",
    "ServicePort",
    "UnsupportedField",
    "read_objects",
    "to_gateway",
    "to_mesh",
    "to_sidecar",
]
