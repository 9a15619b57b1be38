"""A snapshot and a bookmark in, what each member did since out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from meshsplit.analysis.counters import Cursor, Increments, Mark, Sample, SeriesKey, difference
from meshsplit.analysis.metrics import (
    STALE_SECONDS,
    Ambiguous,
    Answer,
    Bookmark,
    MemberCounts,
    MetricRequest,
    NoData,
    Reading,
    Signal,
    Trouble,
    WeightChange,
)
from meshsplit.analysis.queries.pack import Place
from meshsplit.analysis.snapshot import BAD, EDGE, Snapshot

Places = Mapping[str, tuple[Place, ...]]
"""What the backends call each member, by member."""


def fold(
    request: MetricRequest,
    places: Places,
    snapshot: Snapshot,
    now: float,
    own_pods: frozenset[str] = frozenset(),
) -> Answer:
    """The answer to one request. `own_pods` are the backends in which a member's own pods count."""
    shared = _find_shared(places)
    if shared is not None:
        return Ambiguous(shared)
    wanted = sorted({place for each in places.values() for place in each})
    values = _select(snapshot, wanted)
    trouble = _find_trouble(values, wanted, snapshot, now)
    if trouble is not None:
        return trouble
    times = _times(snapshot, wanted, values)
    newest = max(times)
    values = _without_older(values, request.bookmark.cursor, snapshot, wanted)
    bookmark = _at_places(request.bookmark, wanted, values)
    mixed = _is_mixed(bookmark.cursor, request.change, newest, newest - min(times))
    scraped = frozenset(pod for scope in _scopes(wanted) for pod in snapshot.pods.get(scope, ()))
    fell = _has_fallen(bookmark.cursor, values)
    cursor, increments = difference(bookmark.cursor, Sample(newest, values, scraped), mixed or fell)
    after = Bookmark(cursor, bookmark.places)
    if increments is None:
        return Reading(after, newest, None, _to_note(request.bookmark.cursor, newest, mixed))
    return Reading(after, newest, _to_counts(request, places, increments, own_pods))


def _find_shared(places: Places) -> str | None:
    owners: dict[Place, str] = {}
    for member, each in sorted(places.items()):
        for place in each:
            other = owners.setdefault(place, member)
            if other != member:
                return f"{other} and {member} are both {place.name} to {place.backend}: one counter for two"
    return None


def _select(snapshot: Snapshot, wanted: Iterable[Place]) -> Mapping[SeriesKey, float]:
    return {
        SeriesKey(pod, f"{place} {code}"): value
        for place in wanted
        for (pod, code), value in snapshot.values.get(place, {}).items()
    }


def _find_trouble(
    values: Mapping[SeriesKey, float], wanted: Sequence[Place], snapshot: Snapshot, now: float
) -> NoData | None:
    if not wanted:
        return NoData(Trouble.NO_SERIES, "no backend counts the requests of these members")
    if not values:
        return NoData(Trouble.NO_SERIES, f"no series for {', '.join(place.name for place in wanted)}")
    broken = next((key for key, value in values.items() if not math.isfinite(value)), None)
    if broken is not None:
        return NoData(Trouble.NOT_A_NUMBER, f"the counter {broken.name} is {values[broken]}")
    age = now - max(_times(snapshot, wanted, values))
    if age > STALE_SECONDS:
        return NoData(Trouble.STALE, f"the newest sample is {age:.0f} s old")
    return None


def _scopes(wanted: Iterable[Place]) -> list[tuple[str, str]]:
    return sorted({place[:2] for place in wanted})


def _times(snapshot: Snapshot, wanted: Iterable[Place], values: Mapping[SeriesKey, float]) -> list[float]:
    """When the pods were read that count anything of these members."""
    counting = {key.pod for key in values}
    seen = (snapshot.pods.get(scope, {}) for scope in _scopes(wanted))
    return [at for pods in seen for pod, at in pods.items() if pod in counting]


def _without_older(
    values: Mapping[SeriesKey, float], cursor: Cursor, snapshot: Snapshot, wanted: Iterable[Place]
) -> Mapping[SeriesKey, float]:
    """The values without those that fell in a scrape no newer than the last read.

    Two Prometheus servers that take turns scrape one pod at different times: the other's older value is no
    reset.
    """
    if cursor.at is None:
        return values
    seen = {pod: at for scope in _scopes(wanted) for pod, at in snapshot.pods.get(scope, {}).items()}
    older = {
        mark.key
        for mark in cursor.marks
        if values.get(mark.key, mark.value) < mark.value and seen[mark.key.pod] <= cursor.at
    }
    return {key: value for key, value in values.items() if key not in older} if older else values


def _at_places(bookmark: Bookmark, wanted: Sequence[Place], values: Mapping[SeriesKey, float]) -> Bookmark:
    """The bookmark for these places: a new one begins with what its counters say now."""
    names = tuple(map(str, wanted))
    if names == bookmark.places or bookmark.cursor.at is None:
        return Bookmark(bookmark.cursor, names)
    at, new, kept = bookmark.cursor.at, set(names) - set(bookmark.places), set(names)
    marks = {mark.key: mark for mark in bookmark.cursor.marks if _place_of(mark.key) in kept}
    marks |= {key: Mark(key, value, at) for key, value in values.items() if _place_of(key) in new}
    cursor = replace(bookmark.cursor, marks=tuple(marks[key] for key in sorted(marks)))
    return Bookmark(cursor, names)


def _place_of(key: SeriesKey) -> str:
    """A series is called by its place, what it counts, and which of that."""
    return key.name.rsplit(" ", 2)[0]


def _is_mixed(cursor: Cursor, change: WeightChange | None, newest: float, spread: float) -> bool:
    """Whether the time since the last read may hold requests of two weights.

    Pods are scraped one after another, always in the same order: the last read of some may be `spread`
    seconds older than the cursor.
    """
    if change is None or cursor.at is None:
        return False
    return cursor.at - spread < change.settled and newest >= change.began


def _has_fallen(cursor: Cursor, values: Mapping[SeriesKey, float]) -> bool:
    """Whether a sum over pods fell: one of them is gone or began anew, and nobody can say which."""
    return any(not mark.key.pod and values.get(mark.key, mark.value) < mark.value for mark in cursor.marks)


def _to_note(before: Cursor, newest: float, mixed: bool) -> str:
    if before.at is None:
        return "the first read"
    if newest <= before.at:
        return "no newer sample"
    return "the weights changed since the last read" if mixed else "a sum over pods fell"


def _to_counts(
    request: MetricRequest, places: Places, increments: Increments, own_pods: frozenset[str]
) -> dict[str, MemberCounts]:
    owners = {str(place): (member, place) for member, each in places.items() for place in each}
    found: dict[str, list[tuple[str, str, str, float]]] = {member: [] for member in places}
    for key, value in increments.items():
        place, kind, code = key.name.rsplit(" ", 2)
        member, at = owners[place]
        found[member].append((key.pod if at.backend in own_pods else "", kind, code, value))
    if request.what is Signal.LATENCY:
        return {member: _to_buckets(each) for member, each in sorted(found.items())}
    return {member: _to_member(each) for member, each in sorted(found.items())}


def _to_member(found: Iterable[tuple[str, str, str, float]]) -> MemberCounts:
    requests = bad = 0.0
    pods: dict[str, tuple[float, float]] = {}
    for pod, kind, _, value in found:
        failed = value if kind == BAD else 0.0
        requests, bad = requests + value, bad + failed
        if pod:
            served, missed = pods.get(pod, (0.0, 0.0))
            pods[pod] = (served + value, missed + failed)
    return MemberCounts(requests, bad, pods=pods)


def _to_buckets(found: Iterable[tuple[str, str, str, float]]) -> MemberCounts:
    buckets: dict[float, float] = {}
    for _, kind, edge, value in found:
        if kind == EDGE:
            buckets[float(edge)] = buckets.get(float(edge), 0.0) + value
    return MemberCounts(buckets.get(math.inf, 0.0), buckets=buckets)
