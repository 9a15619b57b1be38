"""Istio's rules for short names and for the names of clusters."""

from __future__ import annotations

from ipaddress import ip_address

DOMAIN = "cluster.local"  # Istio's default trust of cluster DNS names; meshes may set another
MESH_GATEWAY = (
    "mesh"  # the reserved gateway name that means "all sidecars" (Istio: constants.IstioMeshGateway)
)


def to_fqdn(host: str, namespace: str) -> str:
    """A host without a dot is a Service of the object's own namespace (Istio: ResolveShortnameToFQDN)."""
    if host == "*" or "." in host or _is_address(host):
        return host
    return f"{host}.{namespace}.svc.{DOMAIN}"


def to_gateway(name: str, namespace: str) -> str:
    """`namespace/name` of a gateway as a VirtualService names it (Istio: resolveGatewayName)."""
    if name == MESH_GATEWAY:
        return name
    if "/" in name:
        owner, _, gateway = name.partition("/")
        return f"{namespace if owner == '.' else owner}/{gateway}"
    if "." in name:
        gateway, owner = name.split(".")[:2]
        return f"{owner}/{gateway}"
    return f"{namespace}/{name}"


def to_cluster_name(host: str, port: int, subset: str) -> str:
    """Istio's name of the cluster for one port of a Service (BuildSubsetKey)."""
    return f"outbound|{port}|{subset}|{host}"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
