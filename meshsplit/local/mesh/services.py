"""The backends a mesh routes to: what istiod learns from Services and their endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One process behind a Service: an IP address (never a name), a port, and its pod's labels."""

    address: str
    port: int
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service; `http2` says that its endpoints speak HTTP/2 (gRPC)."""

    number: int
    http2: bool
    endpoints: tuple[Endpoint, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service by its full name, such as `modelmesh-serving.ns.svc.cluster.local`."""

    host: str
    ports: tuple[ServicePort, ...]
