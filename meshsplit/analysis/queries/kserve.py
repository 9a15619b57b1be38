"""Knative's queue-proxy beside each predictor of KServe: for meshes without Istio's own metrics.

It sees HTTP statuses only, so a gRPC failure, which has status 200, is not counted here.
"""

from meshsplit.analysis.metrics import Backend, Signal
from meshsplit.analysis.queries.pack import Family, Labels, Outcome, Pack, Place, http_outcome
from meshsplit.model import Member

_SUFFIXES = ("-predictor-default", "-predictor")
"""What KServe appends to an InferenceService's name for its Knative Configuration; the first until 0.10."""


def _to_places(namespace: str, member: Member) -> tuple[Place, ...]:
    return (Place(Backend.KSERVE, namespace, member.name),)


def _locate(labels: Labels) -> tuple[Place, ...]:
    configuration = labels.get("configuration_name", "")
    suffix = next((each for each in _SUFFIXES if configuration.endswith(each)), None)
    if suffix is None:
        return ()
    return (Place(Backend.KSERVE, labels.get("namespace_name", ""), configuration.removesuffix(suffix)),)


def _to_outcome(labels: Labels) -> Outcome | None:
    return http_outcome(labels.get("response_code", ""))


def _to_label(place: Place) -> tuple[str, ...]:
    return tuple(f"{place.name}{suffix}" for suffix in _SUFFIXES)


_BY = ("namespace_name", "configuration_name")

KSERVE = Pack(
    Backend.KSERVE,
    _to_places,
    {
        Signal.ERRORS: Family(
            names=("revision_app_request_count",),
            by=(*_BY, "response_code"),
            locate=_locate,
            narrow="configuration_name",
            to_label=_to_label,
            to_outcome=_to_outcome,
        ),
        Signal.LATENCY: Family(
            names=("revision_app_request_latencies_bucket",),
            by=(*_BY, "le"),
            locate=_locate,
            narrow="configuration_name",
            to_label=_to_label,
        ),
    },
    counts_itself=True,
)
