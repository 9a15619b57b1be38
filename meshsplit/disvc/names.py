"""Every name, label and annotation of what a DistributedInferenceService makes."""

import re

from meshsplit.istio.names import DISVC

DISVC_GROUP = "disvc.group"
"""Label of everything that one version has, and the selector of its Service."""

SERVICE_GROUP = "group"
"""Label of a Service with its own name, as the kind's first examples have it."""

REVISION = "meshsplit.dev/revision"
"""Annotation of a version's Service: what its InferenceServices are made from, as JSON."""

ROUTE = "disvc-routing"
"""Name of the one route."""

MAX_NAME = 63
"""Characters of a Service's name, a DNS label."""

_PREDICTOR = "-predictor"
"""KServe's Service of an InferenceService is named so."""

__all__ = ["DISVC", "DISVC_GROUP", "MAX_NAME", "REVISION", "ROUTE", "SERVICE_GROUP"]


def version_name(disvc: str, version: int) -> str:
    """Name of the Service and the DestinationRule of one version, and the value of its label."""
    return f"{disvc}-v{version}"


def replica_name(disvc: str, version: int, index: int) -> str:
    """Name of one InferenceService."""
    return f"{version_name(disvc, version)}-{index}"


def longest_name(disvc: str, version: int, replicas: int) -> str:
    """The longest name that KServe makes of a replica's."""
    return replica_name(disvc, version, max(replicas - 1, 0)) + _PREDICTOR


def read_version(disvc: str, group: str) -> int | None:
    """The version that a label's value is about; None when it is not of that DistributedInferenceService."""
    found = re.fullmatch(rf"{re.escape(disvc)}-v([1-9][0-9]{{0,8}})", group)
    return int(found[1]) if found else None


def read_index(disvc: str, version: int, name: str) -> int | None:
    """The place of an InferenceService among its version's, by its name."""
    found = re.fullmatch(rf"{re.escape(version_name(disvc, version))}-(0|[1-9][0-9]{{0,3}})", name)
    return int(found[1]) if found else None


def external_host(disvc: str, namespace: str, domain: str) -> str:
    """The host at the gateway; the same for every version."""
    return f"{disvc}-{namespace}.{domain}"


def service_host(service: str, namespace: str) -> str:
    """A Service's name in the whole cluster."""
    return f"{service}.{namespace}.svc.cluster.local"
