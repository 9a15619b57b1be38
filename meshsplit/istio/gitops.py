"""Generated objects that are in git as well, or in the hands of Argo CD."""

from collections.abc import Iterator, Sequence

from meshsplit.diagnostics import Finding
from meshsplit.istio import names
from meshsplit.istio.observed import (
    Body,
    Observed,
    annotation_of,
    http_of,
    is_made_here,
    key_of,
    label_of,
    ref_of,
)


def find_tracked(observed: Observed) -> Iterator[Finding]:
    """MSP601: a VirtualService of ours that Argo CD counts as its own, and would prune."""
    for body in observed.virtual_services.values():
        if not is_made_here(body):
            continue
        for path in find_tracking(body):
            yield Finding(
                "MSP601",
                f"{ref_of(body)} is generated and carries {path[-1]}: Argo CD prunes it unless git has it",
                ref_of(body),
                path,
                fix=f"remove {path[-1]} from it, and keep generated objects out of the Application",
            )


def find_hand_set_weights(generated: Sequence[Body], observed: Observed) -> Iterator[Finding]:
    """MSP602: a file holds a VirtualService that we write, with other weights than we write.

    A file is told from a server's answer by what only a server sets: uid and resourceVersion. Equal weights
    are rendered output that was kept, and no dispute.
    """
    for made in generated:
        found = observed.virtual_services.get(key_of(made))
        if found is None or _is_live(found) or _weights(found) == _weights(made):
            continue
        for number, index, weight in _weights(found):
            yield Finding(
                "MSP602",
                f"{ref_of(found)} is written by meshsplit, and this file sets weight {weight} in it: whoever "
                "writes last wins",
                ref_of(found),
                ("spec", "http", number, "route", index, "weight"),
                fix="remove it from git; to keep hosts and timeouts there, use routing.mode: Delegate",
            )
            break


def find_tracking(body: Body) -> Iterator[tuple[str, str, str]]:
    """The labels and annotations by which Argo CD counts an object as its own."""
    for key in names.ARGO_CD_LABELS:
        if label_of(body, key) is not None:
            yield "metadata", "labels", key
    if annotation_of(body, names.ARGO_CD_ANNOTATION) is not None:
        yield "metadata", "annotations", names.ARGO_CD_ANNOTATION


def _is_live(body: Body) -> bool:
    metadata = body.get("metadata") or {}
    return bool(metadata.get("uid") or metadata.get("resourceVersion"))


def _weights(body: Body) -> list[tuple[int, int, int]]:
    """Every weight that is set, with the places of its route and destination."""
    return [
        (number, index, destination["weight"])
        for number, route in enumerate(http_of(body))
        for index, destination in enumerate(route.get("route") or [])
        if destination.get("weight") is not None
    ]
