"""What meshsplit needs of Istio: its API, a control plane, the gateways that are named, waypoints."""

from collections.abc import Iterator

from meshsplit.cli.cluster import Object
from meshsplit.cli.doctor.verdict import Level, Patient, Verdict, ok
from meshsplit.cli.kinds import (
    INFERENCE_SERVICES,
    ISTIO_VERSIONS,
    SERVICES,
    WAYPOINTS,
    gateways,
)
from meshsplit.cli.splits import mapping
from meshsplit.kserve import keys
from meshsplit.kserve.namespaces import to_mesh_namespace
from meshsplit.kserve.observed import observe
from meshsplit.model import Settings

ISTIOD = "app=istiod"
"""The label of istiod's Deployments, of all revisions."""

AMBIENT_MODE = "istio.io/dataplane-mode"
USE_WAYPOINT = "istio.io/use-waypoint"
USE_WAYPOINT_NAMESPACE = "istio.io/use-waypoint-namespace"
NO_WAYPOINT = "none"
"""The value by which a namespace opts out."""


def check_api(patient: Patient) -> Iterator[Verdict]:
    """Whether VirtualServices are served in a version that meshsplit writes."""
    served = patient.cluster.served_versions("networking.istio.io")
    known = [version for version in ISTIO_VERSIONS if version in served]
    if not known:
        found = f"it has {', '.join(served)}" if served else "it is not served at all"
        text = f"Istio's API networking.istio.io lacks {' and '.join(ISTIO_VERSIONS)}: {found}"
        yield Verdict(Level.FAILURE, text, "install Istio and its CRDs")
    elif ISTIO_VERSIONS[0] in known:
        yield ok(f"Istio's API is served as {', '.join(known)}")
    else:
        text = f"Istio's API is served as {known[0]} only"
        fix = f"set istioApiVersion: networking.istio.io/{known[0]} in the settings"
        yield Verdict(Level.WARNING, text, fix)


def check_istiod(patient: Patient) -> Iterator[Verdict]:
    """Whether a control plane is there to read the VirtualServices."""
    found = patient.deployments("", ISTIOD)
    if not found:
        text = f"no Deployment with the label {ISTIOD}"
        yield Verdict(
            Level.WARNING, text, "nothing, if the control plane is in another cluster; else install it"
        )
    for body in found:
        metadata = body["metadata"]
        name = f"istiod {_version_of(body)} in {metadata['namespace']}"
        if mapping(body, "status").get("readyReplicas"):
            yield ok(f"{name} is ready")
        else:
            fix = f"kubectl describe deployment {metadata['name']} -n {metadata['namespace']}"
            yield Verdict(Level.FAILURE, f"{name} has no ready pod, so no route is pushed", fix)


def check_gateways(patient: Patient) -> Iterator[Verdict]:
    """Whether the gateways that Namespaces and ModelSplits name exist."""
    named = _named_gateways(patient)
    resource = gateways(patient.cluster.istio_version())
    missing = {
        gateway: by
        for gateway, by in sorted(named.items())
        if patient.cluster.find(resource, *gateway.split("/", 1)) is None
    }
    for gateway, by in missing.items():
        text = f"the gateway {gateway} does not exist; {by} names it"
        yield Verdict(Level.FAILURE, text, "create it, or name another", "MSP303")
    if named and not missing:
        yield ok(f"the gateways that are named exist: {', '.join(sorted(named))}")
    if not named:
        yield Verdict(
            Level.WARNING,
            "no namespace has the mesh switched on and names a gateway, so nothing is exposed",
            f"annotate a Namespace with {keys.PUBLIC_GATEWAY}, or name gateways in a ModelSplit",
            "MSP306",
        )


def check_ambient(patient: Patient) -> Iterator[Verdict]:
    """Whether every ambient namespace with a group has a waypoint."""
    ambient = [
        body
        for body in patient.namespaces()
        if mapping(body, "metadata", "labels").get(AMBIENT_MODE) == "ambient"
        and _has_groups(patient, body["metadata"]["name"])
    ]
    lacking = [(body, why) for body in ambient if (why := _why_no_waypoint(patient, body))]
    for body, why in lacking:
        name = body["metadata"]["name"]
        text = f"namespace {name} is in ambient mode without a waypoint ({why}): calls from inside the mesh "
        fix = f"istioctl waypoint apply -n {name} --enroll-namespace"
        yield Verdict(Level.WARNING, text + "are not split", fix, "MSP703")
    if ambient and not lacking:
        names = ", ".join(body["metadata"]["name"] for body in ambient)
        yield ok(f"every ambient namespace with a group has a waypoint: {names}")


def _version_of(deployment: Object) -> str:
    """The tag of its first image."""
    containers = mapping(deployment, "spec", "template", "spec").get("containers")
    image = str(containers[0].get("image", "")) if isinstance(containers, list) and containers else ""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag or "of unknown version"


def _named_gateways(patient: Patient) -> dict[str, str]:
    """Gateways as namespace/name, with one of the objects that name each."""
    named: dict[str, str] = {}
    seen = observe(patient.namespaces(), Settings())
    for namespace in seen.namespaces.values():
        mesh, _ = to_mesh_namespace(namespace, Settings())
        if mesh.mesh_on and mesh.gateway is not None:
            named.setdefault(mesh.gateway, str(mesh.ref))
    for body in patient.splits():
        listed = mapping(body, "spec", "routing").get("gateways")
        metadata = body["metadata"]
        for name in listed if isinstance(listed, list) else ():
            gateway = str(name) if "/" in str(name) else f"{metadata['namespace']}/{name}"
            named.setdefault(gateway, f"ModelSplit {metadata['namespace']}/{metadata['name']}")
    return named


def _has_groups(patient: Patient, namespace: str) -> bool:
    if any(body["metadata"]["namespace"] == namespace for body in patient.splits()):
        return True
    return bool(patient.cluster.list(INFERENCE_SERVICES, namespace, keys.MODEL_TAG))


def _why_no_waypoint(patient: Patient, body: Object) -> str:
    """Why requests inside a namespace meet no waypoint; "" when they do, or when single Services name one."""
    namespace, labels = body["metadata"]["name"], mapping(body, "metadata", "labels")
    waypoint = labels.get(USE_WAYPOINT)
    if not waypoint or waypoint == NO_WAYPOINT:
        return "" if patient.cluster.list(SERVICES, namespace, USE_WAYPOINT) else f"no label {USE_WAYPOINT}"
    home = labels.get(USE_WAYPOINT_NAMESPACE) or namespace
    if patient.cluster.find(WAYPOINTS, home, waypoint) is None:
        return f"its label names {waypoint}, and Gateway {home}/{waypoint} does not exist"
    return ""
