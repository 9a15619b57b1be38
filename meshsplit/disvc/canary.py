"""From one version to the next on evidence: a ModelSplit of versions, and a route that leaves it to that."""

from typing import Any

from meshsplit.affinity import CookieHash, ReplicaAffinity
from meshsplit.api import modelsplit
from meshsplit.api.disvc import DeploymentStrategy
from meshsplit.disvc import names
from meshsplit.disvc.children import Frame, make_metadata, make_route
from meshsplit.disvc.objects import MODEL_SPLIT, Body
from meshsplit.istio.names import splitting_name
from meshsplit.model import FULL

CANARY = "Canary"


def make_split(
    frame: Frame,
    serving: int,
    following: int | None,
    strategy: DeploymentStrategy,
    affinity: ReplicaAffinity | None,
) -> Body:
    """All requests to the version that serves, or a walk from there to the one that follows.

    Where a cookie keeps a client on a replica, a second one keeps it on its version. Other headers than such
    of hex cannot be split by, so that with a header every request is split on its own.
    """
    stable = names.version_name(frame.name, serving)
    members = [{"name": stable, "weight": FULL if following is None else 0}]
    if following is not None:
        members.append({"name": names.version_name(frame.name, following), "weight": FULL})
    spec: dict[str, Any] = {
        "weightsFrom": "Spec",
        "members": members,
        "stableMember": stable,
        "routing": {"mode": "Delegate"},
        "strategy": {"canary": _to_wire(strategy.canary)},
    }
    if isinstance(affinity, CookieHash):
        spec["sessionAffinity"] = {"cookie": {"name": f"{affinity.name}-version"}}
    if strategy.analysis is not None:
        spec["analysis"] = _to_wire(strategy.analysis)
    return {
        "apiVersion": modelsplit.API_VERSION,
        "kind": MODEL_SPLIT,
        "metadata": make_metadata(frame, frame.name),
        "spec": spec,
    }


def make_delegating_route(frame: Frame) -> Body:
    """The route of the name, which leaves it to the ModelSplit's VirtualService where requests go."""
    body = make_route(frame, 1)
    delegate = {"name": splitting_name(frame.name), "namespace": frame.namespace}
    body["spec"]["http"] = [{"name": names.ROUTE, "delegate": delegate}]
    return body


def _to_wire(part: Any) -> dict[str, Any]:
    if part is None:
        return {}
    found: dict[str, Any] = part.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    return found
