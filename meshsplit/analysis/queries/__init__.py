"""Which series tell a member's requests, for each kind of backend, and the queries that ask for them."""

from collections.abc import Mapping

from meshsplit.analysis.metrics import Backend
from meshsplit.analysis.queries.envoy import ENVOY
from meshsplit.analysis.queries.istio import ISTIO
from meshsplit.analysis.queries.kserve import KSERVE
from meshsplit.analysis.queries.modelmesh import MODELMESH
from meshsplit.analysis.queries.pack import Pack

PACKS: Mapping[Backend, Pack] = {
    Backend.ISTIO: ISTIO,
    Backend.MODELMESH: MODELMESH,
    Backend.KSERVE: KSERVE,
    Backend.ENVOY: ENVOY,
}
"""The one list of backends."""
