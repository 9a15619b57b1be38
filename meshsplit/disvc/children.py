"""The objects of one version, and those that all versions share: pure builders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.affinity import CookieHash, HeaderHash, ReplicaAffinity, SourceIpHash
from meshsplit.api.disvc import DistributedInferenceServiceSpec
from meshsplit.disvc import names
from meshsplit.disvc.objects import INFERENCE_SERVICE, INGRESS, SERVICE, Body
from meshsplit.disvc.revision import Revision
from meshsplit.disvc.servedname import Served, has_component
from meshsplit.istio.destinationrule import make_destination_rule
from meshsplit.istio.names import GITOPS_MARKERS, MANAGED_BY, MANAGER
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.kserve import keys
from meshsplit.model import DestinationRulePlan, Endpoint, Owner, Route, RouteDestination, RoutePlan
from meshsplit.policy import to_seconds

PORT = 80
MESH = "mesh"
"""Istio's name for every sidecar."""

_RAW = "RawDeployment"
_MARKS = dict(GITOPS_MARKERS)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every object of one DistributedInferenceService is made with.

    `gateway` is None where nothing brings traffic in from outside.
    """

    name: str
    namespace: str
    owner: Owner
    domain: str
    gateway: str | None
    istio_api_version: str

    @property
    def host(self) -> str:
        """Where clients outside the cluster find it, whatever version serves."""
        return names.external_host(self.name, self.namespace, self.domain)


def make_inference_service(
    frame: Frame, version: int, index: int, revision: Revision, template: Mapping[str, Any]
) -> Body:
    """One replica. Pods of RawDeployment carry its labels, by which the version's Service finds them."""
    annotations = {keys.AUTOSCALER_CLASS: "none", **revision.annotations, keys.DEPLOYMENT_MODE: _RAW}
    group = names.version_name(frame.name, version)
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": INFERENCE_SERVICE,
        "metadata": {
            "name": names.replica_name(frame.name, version, index),
            "namespace": frame.namespace,
            "labels": {**revision.labels, names.DISVC: frame.name, names.DISVC_GROUP: group},
            "annotations": annotations,
            "ownerReferences": [_to_reference(frame.owner)],
        },
        "spec": dict(template),
    }


def make_version_service(
    frame: Frame, version: int, revision: Revision, served: Served, sticky: bool
) -> Body:
    """The Service of one version; it also keeps what the version is made from."""
    name = names.version_name(frame.name, version)
    body = _make_service(frame, name, {names.DISVC_GROUP: name}, revision, served, sticky)
    body["metadata"]["labels"][names.DISVC_GROUP] = name
    body["metadata"]["annotations"][names.REVISION] = revision.text
    return body


def make_stable_service(frame: Frame, revision: Revision, served: Served, sticky: bool) -> Body:
    """The name that stays; callers without a sidecar reach every version's pods by it."""
    return _make_service(frame, frame.name, {names.DISVC: frame.name}, revision, served, sticky)


def make_rule(frame: Frame, version: int, affinity: ReplicaAffinity) -> Body:
    """Keeps one client on one replica of a version."""
    name = names.version_name(frame.name, version)
    plan = DestinationRulePlan(
        name=name,
        namespace=frame.namespace,
        host=names.service_host(name, frame.namespace),
        affinity=affinity,
        labels=(*_labels(frame), (names.DISVC_GROUP, name)),
        annotations=GITOPS_MARKERS,
        owners=(frame.owner,),
    )
    return make_destination_rule(plan, frame.istio_api_version)


def make_route(frame: Frame, version: int) -> Body:
    """Sends all requests, from outside and from sidecars, to one version."""
    service = names.service_host(names.version_name(frame.name, version), frame.namespace)
    outside = () if frame.gateway is None else (frame.host,)
    plan = RoutePlan(
        name=frame.name,
        namespace=frame.namespace,
        hosts=(*outside, names.service_host(frame.name, frame.namespace)),
        gateways=(*(() if frame.gateway is None else (frame.gateway,)), MESH),
        routes=(Route((RouteDestination(Endpoint(service, PORT)),), name=names.ROUTE),),
        labels=_labels(frame),
        annotations=GITOPS_MARKERS,
        owners=(frame.owner,),
    )
    return make_virtual_service(plan, frame.istio_api_version)


def make_ingress(frame: Frame, version: int) -> Body:
    """Sends all requests from outside to one version."""
    service = {"name": names.version_name(frame.name, version), "port": {"number": PORT}}
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": service}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": INGRESS,
        "metadata": make_metadata(frame, frame.name),
        "spec": {"rules": [{"host": frame.host, "http": {"paths": [path]}}]},
    }


def find_affinity(name: str, spec: DistributedInferenceServiceSpec) -> ReplicaAffinity | None:
    """How a client keeps its replica: as asked for, else by a cookie where there are several."""
    asked = spec.session_affinity
    cookie = f"meshsplit-{name}"
    if asked is None:
        return CookieHash(cookie) if spec.replicas > 1 else None
    if asked.cookie is not None:
        return CookieHash(asked.cookie.name or cookie, round(to_seconds(asked.cookie.ttl) or 0.0))
    if asked.header is not None:
        return HeaderHash(asked.header)
    return SourceIpHash() if asked.source_ip else None


def _make_service(
    frame: Frame, name: str, selector: dict[str, str], revision: Revision, served: Served, sticky: bool
) -> Body:
    metadata = make_metadata(frame, name)
    metadata["labels"][names.SERVICE_GROUP] = name
    port = {
        "name": "grpc" if served.grpc else "http",
        "port": PORT,
        "protocol": "TCP",
        "targetPort": served.port,
    }
    return {
        "apiVersion": "v1",
        "kind": SERVICE,
        "metadata": metadata,
        "spec": {
            "type": "ClusterIP",
            "selector": {**selector, **_select_entry(revision.template)},
            "ports": [port],
            # Behind a proxy that picks the endpoint itself this has no effect; others go by it.
            "sessionAffinity": "ClientIP" if sticky else "None",
        },
    }


def _select_entry(template: Mapping[str, Any]) -> dict[str, str]:
    """KServe runs a transformer and an explainer in pods of their own, with the same labels but for one."""
    if has_component(template, "transformer"):
        return {"component": "transformer"}
    return {"component": "predictor"} if has_component(template, "explainer") else {}


def make_metadata(frame: Frame, name: str) -> Body:
    """Marks and owner of one object."""
    return {
        "name": name,
        "namespace": frame.namespace,
        "labels": dict(_labels(frame)),
        "annotations": dict(_MARKS),
        "ownerReferences": [_to_reference(frame.owner)],
    }


def _labels(frame: Frame) -> tuple[tuple[str, str], ...]:
    return ((MANAGED_BY, MANAGER), (names.DISVC, frame.name))


def _to_reference(owner: Owner) -> Body:
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
    }
