"""ModelMesh's own metrics by model, which it has only with `per_model_metrics=true`.

All models of a namespace are behind one Service, so no proxy tells them apart; the model servers do. REST
requests are in there too: ModelMesh's REST proxy calls by gRPC.
"""

from meshsplit.analysis.metrics import Backend, Signal
from meshsplit.analysis.queries.pack import Family, Labels, Outcome, Pack, Place
from meshsplit.model import Member

CLIENT_FAULTS = frozenset(
    {
        "OK",
        "CANCELLED",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "UNAUTHENTICATED",
    }
)
"""Codes that are no fault of the server; every other counts as a failure, also one nobody knows."""


def _to_places(namespace: str, member: Member) -> tuple[Place, ...]:
    return (Place(Backend.MODELMESH, namespace, member.served_name),)


def _locate(labels: Labels) -> tuple[Place, ...]:
    """Where a scraper's own label `namespace` wins, the pod's is called `exported_namespace`."""
    namespace = labels.get("exported_namespace") or labels.get("namespace", "")
    model = labels.get("vModelId", "")
    return (Place(Backend.MODELMESH, namespace, model),) if model else ()


def _to_outcome(labels: Labels) -> Outcome | None:
    code = labels.get("code", "")
    return Outcome(code, code not in CLIENT_FAULTS) if code else None


def _to_label(place: Place) -> tuple[str, ...]:
    return (place.name,)


_BY = ("namespace", "exported_namespace", "vModelId")

MODELMESH = Pack(
    Backend.MODELMESH,
    _to_places,
    {
        Signal.ERRORS: Family(
            names=("modelmesh_api_request_milliseconds_count",),
            by=(*_BY, "code"),
            locate=_locate,
            narrow="vModelId",
            to_label=_to_label,
            to_outcome=_to_outcome,
        ),
        Signal.LATENCY: Family(
            names=("modelmesh_api_request_milliseconds_bucket",),
            by=(*_BY, "le"),
            locate=_locate,
            narrow="vModelId",
            to_label=_to_label,
        ),
    },
    counts_itself=True,
)
