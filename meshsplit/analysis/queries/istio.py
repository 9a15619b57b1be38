"""Istio's standard metrics, as the proxy that sends the request counts them.

`reporter="source"` is the outcome of the last try, after the proxy's own retries: what callers see.
With the strategy Loopback every request passes the gateway twice; the first pass goes to the gateway's own
Service, which is no member's, so it is not counted.
"""

from meshsplit.analysis.metrics import Backend, Signal
from meshsplit.analysis.queries.pack import (
    Family,
    Labels,
    Outcome,
    Pack,
    Place,
    grpc_outcome,
    http_outcome,
    unique,
)
from meshsplit.model import Member


def _to_places(_namespace: str, member: Member) -> tuple[Place, ...]:
    ends = (member.rest, member.grpc)
    return unique(Place(Backend.ISTIO, "", end.host) for end in ends if end is not None)


def _locate(labels: Labels) -> tuple[Place, ...]:
    host = labels.get("destination_service", "")
    return (Place(Backend.ISTIO, "", host),) if host else ()


def _to_outcome(labels: Labels) -> Outcome | None:
    """A gRPC request that was answered has HTTP status 200 whatever its own status."""
    by_http = http_outcome(labels.get("response_code", ""))
    if labels.get("request_protocol") != "grpc" or (by_http is not None and by_http.bad):
        return by_http
    return grpc_outcome(labels.get("grpc_response_status", "")) or by_http


def _to_label(place: Place) -> tuple[str, ...]:
    return (place.name,)


_AT_SOURCE = (("reporter", "source"),)

ISTIO = Pack(
    Backend.ISTIO,
    _to_places,
    {
        Signal.ERRORS: Family(
            names=("istio_requests_total",),
            by=("destination_service", "request_protocol", "response_code", "grpc_response_status"),
            locate=_locate,
            narrow="destination_service",
            to_label=_to_label,
            matchers=_AT_SOURCE,
            to_outcome=_to_outcome,
        ),
        Signal.LATENCY: Family(
            names=("istio_request_duration_milliseconds_bucket",),
            by=("destination_service", "le"),
            locate=_locate,
            narrow="destination_service",
            to_label=_to_label,
            matchers=_AT_SOURCE,
        ),
    },
    counts_itself=False,
)
