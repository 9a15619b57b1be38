"""Read Istio objects as istiod reads them for a gateway, and say what Envoy should do; pure functions."""

from meshsplit.local.mesh.config import MeshConfig
from meshsplit.local.mesh.schema import UnsupportedField
from meshsplit.local.mesh.services import Endpoint, Service, ServicePort
from meshsplit.local.mesh.translate import to_mesh

__all__ = ["Endpoint", "MeshConfig", "Service", "ServicePort", "UnsupportedField", "to_mesh"]
