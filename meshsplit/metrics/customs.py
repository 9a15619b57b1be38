"""Custom counters of all splits in few queries; one that cannot be read does not hide the others."""

from collections.abc import Callable, Iterator, Sequence

from meshsplit.analysis.folding import fold
from meshsplit.analysis.metrics import (
    Ambiguous,
    Answer,
    Custom,
    Failure,
    Key,
    MetricRequest,
    Trouble,
    Unavailable,
)
from meshsplit.analysis.queries.custom import fill, make_custom_query
from meshsplit.analysis.queries.pack import Place
from meshsplit.analysis.queries.promql import TAG
from meshsplit.analysis.snapshot import Snapshot
from meshsplit.api.promql import MEMBER, find_fault
from meshsplit.metrics.answers import Series, Vector

Ask = Callable[[str], Vector | Failure]
"""Send one instant query."""

CUSTOM = "custom"
_MOST_IN_ONE = 100
_LONGEST = 256 * 1024
"""Characters of one query; a posted form may have 10 MB (Go's net/http)."""


def read_customs(requests: Sequence[MetricRequest], ask: Ask, at: float) -> dict[Key, Answer]:
    """An answer to every request, by key."""
    answers: dict[Key, Answer] = {}
    sound = []
    for request in requests:
        fault = _find_fault(request)
        if fault is None:
            sound.append(request)
        else:
            answers[request.key] = Unavailable(Trouble.REFUSED, fault)
    for batch in _to_batches(sound):
        answers.update(_read_batch(batch, ask, at))
    return answers


def _custom_of(request: MetricRequest) -> Custom:
    if not isinstance(request.what, Custom):
        raise TypeError(f"{request.metric} has no counters of its own")
    return request.what


def _find_fault(request: MetricRequest) -> str | None:
    custom = _custom_of(request)
    for side, expression in (("good", custom.good), ("bad", custom.bad)):
        fault = find_fault(fill(expression, request.split))
        if fault is not None:
            return f"the {side} query of metric {request.metric}: {fault}"
    return None


def _to_batches(requests: Sequence[MetricRequest]) -> Iterator[list[MetricRequest]]:
    batch: list[MetricRequest] = []
    length = 0
    for request in requests:
        custom = _custom_of(request)
        size = len(custom.good) + len(custom.bad)
        if batch and (len(batch) == _MOST_IN_ONE or length + size > _LONGEST):
            yield batch
            batch, length = [], 0
        batch.append(request)
        length += size
    if batch:
        yield batch


def _read_batch(batch: Sequence[MetricRequest], ask: Ask, at: float) -> dict[Key, Answer]:
    """Halved as long as the source refuses it, so that only the expressions at fault have no answer."""
    vector = ask(make_custom_query([(request.split, _custom_of(request)) for request in batch]))
    if isinstance(vector, tuple):
        return _sort_out(batch, vector, at)
    if not _is_refused(vector) or len(batch) == 1:
        return {request.key: vector for request in batch}
    middle = len(batch) // 2
    return _read_batch(batch[:middle], ask, at) | _read_batch(batch[middle:], ask, at)


def _is_refused(failure: Failure) -> bool:
    return failure.trouble is Trouble.REFUSED


def _sort_out(batch: Sequence[MetricRequest], vector: Vector, at: float) -> dict[Key, Answer]:
    found: dict[str, list[tuple[str, Series]]] = {}
    for series in vector:
        index, _, side = series.labels.get(TAG, "").partition(" ")
        found.setdefault(index, []).append((side, series))
    return {
        request.key: _answer(request, found.get(str(index), []), at) for index, request in enumerate(batch)
    }


def _answer(request: MetricRequest, found: Sequence[tuple[str, Series]], at: float) -> Answer:
    places = {member.name: (Place(CUSTOM, "", member.name),) for member in request.members}
    snapshot, told = Snapshot(), set()
    for side, series in found:
        member = series.labels.get(MEMBER, "")
        if not member:
            return Ambiguous(f"the {side} query of metric {request.metric} has a series without label member")
        # Series by pod are differenced by pod; a sum over pods has nobody's name.
        pod = " ".join(filter(None, (series.labels.get(label, "") for label in ("pod", "instance"))))
        if (side, member, pod) in told:
            return Ambiguous(f"the {side} query of metric {request.metric} has two series for {member}")
        told.add((side, member, pod))
        if member in places:
            snapshot.add(places[member][0], pod, f"{side} all", series.value, at)
    return fold(request, places, snapshot, at)
