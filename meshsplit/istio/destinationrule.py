"""A destination's plan as the DestinationRule object that Istio reads, keys in canonical order."""

from typing import Any

from meshsplit.affinity import CookieHash, HeaderHash, ReplicaAffinity
from meshsplit.istio.envelope import Fields, make_object
from meshsplit.model import DestinationRulePlan


def make_destination_rule(plan: DestinationRulePlan, api_version: str) -> dict[str, Any]:
    """Write `plan` down: its host's endpoints are chosen by a consistent hash of what `affinity` names."""
    policy = {"loadBalancer": {"consistentHash": _to_hash(plan.affinity)}}
    return make_object(api_version, "DestinationRule", plan, {"host": plan.host, "trafficPolicy": policy})


def _to_hash(affinity: ReplicaAffinity) -> Fields:
    """A cookie always says its ttl: Envoy sets no cookie where there is none, and with 0s one of the session
    (Hash_policy Cookie in api/envoy/config/route/v3/route_components.proto).
    """
    if isinstance(affinity, CookieHash):
        cookie = {"name": affinity.name, "path": affinity.path, "ttl": f"{affinity.ttl_seconds}s"}
        return {"httpCookie": cookie}
    if isinstance(affinity, HeaderHash):
        return {"httpHeaderName": affinity.name}
    return {"useSourceIp": True}
