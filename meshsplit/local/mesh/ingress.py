"""Ingresses as VirtualServices of the gateway (Istio: ConvertIngressVirtualService in kube/ingress).

As with Istio's `ingressControllerMode: DEFAULT`: an Ingress of no class or of the class `istio` is served.
TLS ends nowhere here: its hosts are served as plain HTTP/1.1 and h2c. Annotations for other controllers mean
nothing; whether a backend speaks HTTP/2 is said by its Service's port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from meshsplit.local.mesh.names import INGRESS_GATEWAY, to_fqdn
from meshsplit.local.mesh.schema import IstioObject, Metadata, Strict
from meshsplit.local.mesh.virtualservice import (
    Destination,
    HttpMatch,
    HttpRoute,
    PortSelector,
    RouteDestination,
    StringMatch,
    VirtualService,
    VirtualServiceSpec,
)

if TYPE_CHECKING:
    from meshsplit.local.mesh.services import Service

INGRESS_API_VERSION = "networking.k8s.io/v1"
_CLASS = "istio"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"  # older than spec.ingressClassName
# How older Ingresses, whose paths are ImplementationSpecific, say "and everything below".
_WILDCARDS = (".*", "/*")


class BackendPort(Strict):
    """A Service's port, by number or by name."""

    number: int | None = None
    name: str = ""


class BackendService(Strict):
    """A Service of the Ingress's namespace."""

    name: str
    port: BackendPort = BackendPort()


class Backend(Strict):
    """Where a path leads."""

    service: BackendService


class Path(Strict):
    """A path of a host."""

    path: str = ""
    path_type: Literal["Exact", "Prefix", "ImplementationSpecific"] = "ImplementationSpecific"
    backend: Backend


class Paths(Strict):
    """The paths of a host."""

    paths: Sequence[Path] = ()


class Rule(Strict):
    """A host, any host when it is empty, and its paths."""

    host: str = ""
    http: Paths = Paths()


class IngressMetadata(Metadata):
    """Metadata with what names an Ingress's class."""

    model_config = ConfigDict(frozen=True)

    annotations: Mapping[str, str] = Field(default_factory=dict)


class IngressSpec(Strict):
    """Rules by host. Istio ignores the default backend."""

    ingress_class_name: str | None = None
    default_backend: Any = None
    tls: Any = None
    rules: Sequence[Rule] = ()


class Ingress(IstioObject):
    """networking.k8s.io Ingress."""

    metadata: IngressMetadata
    spec: IngressSpec = IngressSpec()

    @property
    def is_ours(self) -> bool:
        """Whether Istio's ingress controller would serve it."""
        named = self.metadata.annotations.get(_CLASS_ANNOTATION, self.spec.ingress_class_name)
        return named in (None, _CLASS)


def to_virtual_services(
    ingresses: Iterable[Ingress], services: Mapping[str, Service]
) -> list[VirtualService]:
    """One VirtualService for each host, with the age and namespace of the first Ingress that names it.

    The longest path comes first, and of equal ones an exact path, whichever Ingress has it. A path to a port
    by a name that its Service does not have is left out.
    """
    routes: dict[str, list[HttpRoute]] = {}
    metadata: dict[str, Metadata] = {}
    for ingress in ingresses:
        for rule in ingress.spec.rules if ingress.is_ours else ():
            host = rule.host or "*"
            metadata.setdefault(host, ingress.metadata)
            found = (_to_route(path, ingress.metadata.namespace, services) for path in rule.http.paths)
            routes.setdefault(host, []).extend(route for route in found if route is not None)
    return [
        VirtualService.model_construct(
            api_version=INGRESS_API_VERSION,
            kind="Ingress",
            metadata=metadata[host],
            spec=VirtualServiceSpec(
                hosts=[host], gateways=[INGRESS_GATEWAY], http=sorted(listed, key=_longest_first)
            ),
        )
        for host, listed in routes.items()
    ]


def _to_route(path: Path, namespace: str, services: Mapping[str, Service]) -> HttpRoute | None:
    backend = path.backend.service
    host = to_fqdn(backend.name, namespace)
    number = backend.port.number
    if number is None:
        ports = services[host].ports if host in services else ()
        number = next((port.number for port in ports if port.name == backend.port.name), None)
    if number is None:
        return None
    destination = Destination(host=host, port=PortSelector(number=number))
    return HttpRoute(match=_to_matches(path), route=[RouteDestination(destination=destination)])


def _to_matches(path: Path) -> list[HttpMatch]:
    """Prefix is by whole segments: /a covers /a and /a/b, but not /ab."""
    written = path.path
    if path.path_type == "ImplementationSpecific":
        for wildcard in _WILDCARDS:
            if written.endswith(wildcard):
                return [_match(prefix=written.removesuffix(wildcard) or "/")]
    prefix = written.rstrip("/")
    if not prefix and (path.path_type == "Prefix" or not written):
        return [_match(prefix="/")]
    if path.path_type == "Prefix":
        return [_match(exact=prefix), _match(prefix=f"{prefix}/")]
    return [_match(exact=written)]


def _match(**uri: str) -> HttpMatch:
    return HttpMatch(uri=StringMatch(**uri))


def _longest_first(route: HttpRoute) -> tuple[int, bool]:
    uri = route.match[0].uri or StringMatch()
    only_exact = len(route.match) == 1 and uri.exact is not None
    return -len(uri.exact or uri.prefix or ""), not only_exact
