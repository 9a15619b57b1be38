"""What a source can tell of some splits: which series there are, and how to switch on those that are not."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from meshsplit.analysis.asks import to_places
from meshsplit.analysis.metrics import (
    Ambiguous,
    Answer,
    Backend,
    Backends,
    Bookmark,
    MetricRequest,
    MetricsSource,
    Reading,
    Signal,
    Trouble,
)
from meshsplit.cli.doctor.verdict import Level, Verdict, ok
from meshsplit.model import DeploymentMode

SWITCH_ON = {
    Backend.ISTIO: "let Prometheus scrape the gateway's pods (docs/metrics.md#istio)",
    Backend.MODELMESH: "set MM_METRICS with per_model_metrics=true and let Prometheus scrape port 2112 "
    "(docs/metrics.md#modelmesh)",
    Backend.KSERVE: "let Prometheus scrape the queue-proxy of the predictors (docs/metrics.md#kserve)",
    Backend.ENVOY: "include the clusters' counters in the proxy's stats (docs/metrics.md#envoy)",
}
_OTHERS = {
    DeploymentMode.MODEL_MESH: (Backend.MODELMESH,),
    DeploymentMode.STANDARD: (Backend.ISTIO, Backend.ENVOY),
    DeploymentMode.KNATIVE: (Backend.ISTIO, Backend.ENVOY, Backend.KSERVE),
}
"""Which backends may count the requests of a mode's members, the best first."""


def probe(
    source: MetricsSource,
    requests: Sequence[MetricRequest],
    backends: Backends,
    clock: Callable[[], float] = time.time,
) -> tuple[Verdict, ...]:
    """Say whether the source answers and which series exist, split by split in the order given.

    `requests` name the splits, their members and the metrics to look for (`analysis.wishes.to_what`);
    `backends` are those of the source. At least one verdict, never an exception; two reads at most.
    """
    fresh = [replace(request, bookmark=Bookmark(), change=None) for request in requests]
    started = time.perf_counter()
    answers = source.read(fresh, clock())
    took = (time.perf_counter() - started) * 1000
    down = _find_outage(answers.values())
    if down is not None:
        return (down,)
    missing = [request for request in fresh if _has_no_series(answers[request.key])]
    elsewhere = _look_elsewhere(source, missing, backends, clock)
    verdicts = [ok(f"the source answers in {took:.0f} ms")]
    for request in fresh:
        others = elsewhere.get(request.key, ())
        verdicts += _to_verdicts(request, answers[request.key], backends, others)
    return tuple(verdicts)


def _find_outage(answers: Iterable[Answer]) -> Verdict | None:
    """The one verdict to say when the source gave nobody anything."""
    found = list(answers)
    troubles = {answer.trouble for answer in found if not isinstance(answer, Reading)}
    outage = troubles <= {Trouble.UNREACHABLE, Trouble.SLOW, Trouble.FAILING, Trouble.TOO_LARGE}
    if not found or len(troubles) != 1 or not outage or any(isinstance(it, Reading) for it in found):
        return None
    (first, *_) = (answer for answer in found if not isinstance(answer, Reading))
    return Verdict(Level.UNKNOWN, first.message, "check the address, and that it may be reached from here")


def _has_no_series(answer: Answer) -> bool:
    return not isinstance(answer, Reading) and answer.trouble is Trouble.NO_SERIES


def _look_elsewhere(
    source: MetricsSource, missing: Sequence[MetricRequest], backends: Backends, clock: Callable[[], float]
) -> dict[object, tuple[Backend, ...]]:
    """The other backends that do count these requests, by key of the request."""
    tries = [
        replace(request, metric=f"{request.metric} {backend.value}", backend=backend)
        for request in missing
        if isinstance(request.what, Signal)
        for backend in _to_others(request, backends)
    ]
    answers = source.read(tries, clock()) if tries else {}
    found: dict[object, tuple[Backend, ...]] = {}
    for each in tries:
        if isinstance(answers[each.key], Reading) and each.backend is not None:
            key = (each.split, each.metric.removesuffix(f" {each.backend.value}"))
            found[key] = (*found.get(key, ()), each.backend)
    return found


def _to_others(request: MetricRequest, backends: Backends) -> list[Backend]:
    used = {request.backend or backends[member.mode] for member in request.members}
    possible = {other for member in request.members for other in _OTHERS[member.mode]}
    return sorted(possible - used)


def _to_verdicts(
    request: MetricRequest, answer: Answer, backends: Backends, others: Sequence[Backend]
) -> list[Verdict]:
    name = f"{request.split} {request.metric}"
    members = sorted(member.name for member in request.members)
    if isinstance(answer, Reading):
        silent = _find_silent(request, answer, backends)
        if not silent:
            return [ok(f"{name}: tells {_join(members)} apart")]
        text = f"{name}: no series yet for {_join(silent)}; a member without requests has none"
        return [Verdict(Level.WARNING, text, "send it a request, or check its labels")]
    if isinstance(answer, Ambiguous):
        return [Verdict(Level.FAILURE, f"{name}: {answer.message}", "see MSP502", "MSP502")]
    verdict = Verdict(Level.FAILURE, f"{name}: {answer.message}", _advise(request, answer.trouble, backends))
    if not others:
        return [verdict]
    names = _join([other.value for other in others])
    return [verdict, Verdict(Level.WARNING, f"{name}: {names} counts these requests and is not what is read")]


def _advise(request: MetricRequest, trouble: Trouble, backends: Backends) -> str:
    if trouble is not Trouble.NO_SERIES or not isinstance(request.what, Signal):
        return ""
    used = sorted({request.backend or backends[member.mode] for member in request.members})
    return "; ".join(SWITCH_ON[backend] for backend in used)


def _find_silent(request: MetricRequest, reading: Reading, backends: Backends) -> list[str]:
    """Members of which no series was read."""
    if not isinstance(request.what, Signal):
        seen = {mark.key.name.rsplit(" ", 2)[0].rsplit("/", 1)[-1] for mark in reading.bookmark.cursor.marks}
        return sorted(member.name for member in request.members if member.name not in seen)
    told = {mark.key.name.rsplit(" ", 2)[0] for mark in reading.bookmark.cursor.marks}
    places = to_places(request, backends)
    return sorted(member for member, each in places.items() if not told & set(map(str, each)))


def _join(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
