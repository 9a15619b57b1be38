"""Envoy's counters by cluster, with the names that Istio's bootstrap gives them (`stats_tags`).

A cluster is one port of a Service. A member that answers REST is counted by HTTP status, one
that speaks gRPC only by gRPC status: an answer of the proxy's own, such as "no healthy upstream", is in both
counts, so they cannot be added.
"""

import re

from meshsplit.analysis.metrics import Backend, Signal
from meshsplit.analysis.queries.pack import (
    NAME,
    Family,
    Labels,
    Outcome,
    Pack,
    Place,
    grpc_outcome,
    http_outcome,
    unique,
)
from meshsplit.model import Endpoint, Member

_BY_CLASS = "envoy_cluster_upstream_rq"
_GRPC = re.compile("envoy_cluster_grpc_([0-9]+)")
_CLUSTER = re.compile(r"outbound\|([0-9]+)\|\|([^|;]+);?")
_HTTP, _RPC = "http", "grpc"


def _to_places(_namespace: str, member: Member) -> tuple[Place, ...]:
    found = [] if member.rest is None else [_to_place(_HTTP, member.rest)]
    if member.grpc is not None and member.grpc != member.rest:
        found.append(_to_place(_RPC, member.grpc))
    return unique(found)


def _to_place(protocol: str, end: Endpoint) -> Place:
    return Place(Backend.ENVOY, "", f"{protocol} {end.host}:{end.port}")


def _locate(labels: Labels) -> tuple[Place, ...]:
    protocol = _RPC if _GRPC.fullmatch(labels[NAME]) else _HTTP
    return tuple(place for place in _locate_both(labels) if place.name.startswith(f"{protocol} "))


def _locate_both(labels: Labels) -> tuple[Place, ...]:
    """The places of `outbound|80||host`, without a subset; newer proxies write a semicolon after it."""
    cluster = _CLUSTER.fullmatch(labels.get("cluster_name", ""))
    if cluster is None:
        return ()
    return tuple(Place(Backend.ENVOY, "", f"{it} {cluster[2]}:{cluster[1]}") for it in (_HTTP, _RPC))


def _to_outcome(labels: Labels) -> Outcome | None:
    status = _GRPC.fullmatch(labels[NAME])
    return grpc_outcome(status[1]) if status else http_outcome(labels.get("response_code_class", ""))


def _to_label(place: Place) -> tuple[str, ...]:
    host, _, port = place.name.split(" ")[1].rpartition(":")
    return f"outbound|{port}||{host}", f"outbound|{port}||{host};"


ENVOY = Pack(
    Backend.ENVOY,
    _to_places,
    {
        Signal.ERRORS: Family(
            names=(_BY_CLASS, _GRPC.pattern),
            by=(NAME, "cluster_name", "response_code_class"),
            locate=_locate,
            narrow="cluster_name",
            to_label=_to_label,
            to_outcome=_to_outcome,
        ),
        Signal.LATENCY: Family(
            names=("envoy_cluster_upstream_rq_time_bucket",),
            by=("cluster_name", "le"),
            locate=_locate_both,
            narrow="cluster_name",
            to_label=_to_label,
        ),
    },
    counts_itself=False,
)
