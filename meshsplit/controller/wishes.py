"""What is wanted from the metrics of one rollout, and what a read of them says; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshsplit.analysis import bookmarks, latency
from meshsplit.analysis.metrics import (
    Bookmark,
    Custom,
    MetricRequest,
    Reading,
    Signal,
    WeightChange,
    to_counts,
    to_shares,
)
from meshsplit.analysis.past import StablePast
from meshsplit.analysis.trial import Read
from meshsplit.analysis.wishes import to_what
from meshsplit.controller.measured import Measured, to_seconds
from meshsplit.controller.previews import Preview
from meshsplit.policy import LATENCY, LIMIT
from meshsplit.rollout import observation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshsplit.analysis.latency import Buckets
    from meshsplit.analysis.metrics import Answers, MemberCounts
    from meshsplit.analysis.rules import MetricRule
    from meshsplit.api.modelsplit import ModelSplitSpec
    from meshsplit.model import GroupKey, Member
    from meshsplit.policy import Policy

ERRORS = Signal.ERRORS.value
AHEAD_SECONDS = 30.0
"""A cursor so far in the future is one of before the clock was set back; less is the difference between the
clocks of two machines."""
SETTLE_SECONDS = 5.0
"""After a weight change some requests still follow the old weights: istiod's debounce, its push, and the
requests that were on the way."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to read for one group. `cursor` is where the rollout's test goes on, "" where it begins.

    `weight` is the canary's in thousandths, `top` whether no larger one precedes promotion; None and "" while
    nothing is measured yet. `changed_at` is when the weights changed last (Unix seconds). With `preview` only
    what the side that is not active, the canary, answers within so many seconds is counted.
    """

    key: GroupKey
    members: tuple[Member, ...]
    source: str
    seconds: float
    metrics: tuple[tuple[str, Signal | Custom], ...]
    policy: Policy
    rollout: str = ""
    canary: str = ""
    stable: str = ""
    weight: int | None = None
    top: bool = False
    cursor: str = ""
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changed_at: float | None = None
    preview: float | None = None


def to_metrics(spec: ModelSplitSpec) -> tuple[tuple[str, Signal | Custom], ...]:
    """What a ModelSplit wants measured; errors when it says nothing."""
    listed = spec.analysis.metrics if spec.analysis is not None else []
    wanted = ((metric.name, to_what(metric)) for metric in listed)
    return tuple((name, what) for name, what in wanted if what is not None) or ((ERRORS, Signal.ERRORS),)


def to_requests(wish: Wish, now: float) -> list[MetricRequest]:
    """The requests of one wish at `now`, going on where its cursor is.

    What lies beyond `now` is begun anew: until the clock has caught up no sample would be later than it.
    """
    kept = _to_bookmarks(wish.cursor)
    change = None
    if wish.changed_at is not None:
        change = WeightChange(wish.changed_at, wish.changed_at + SETTLE_SECONDS)
    return [
        MetricRequest(wish.key, name, what, wish.members, _to_bookmark(kept.get(name, {}), now), change)
        for name, what in wish.metrics
    ]


def _to_bookmark(kept: Mapping[str, object], now: float) -> Bookmark:
    bookmark = bookmarks.to_bookmark(kept)
    at = bookmark.cursor.at
    return Bookmark() if at is not None and at > now + AHEAD_SECONDS else bookmark


def to_past_requests(wish: Wish) -> list[MetricRequest]:
    """What a source is asked of stable's past, once before a rollout begins."""
    stable = tuple(member for member in wish.members if member.name == wish.stable)
    return [MetricRequest(wish.key, name, what, stable) for name, what in wish.metrics if stable]


def to_measured(wish: Wish, answers: Answers, before: Measured | None, now: float) -> Measured:
    """What the answers to `to_requests` say; `before` is what was measured last.

    A metric that could not be read goes on where it was, and hides nothing of what the others say.
    """
    found = {name: answers[wish.key, name] for name, _ in wish.metrics}
    readings = {name: each for name, each in found.items() if isinstance(each, Reading)}
    failures = {name: each for name, each in found.items() if not isinstance(each, Reading)}
    problem = "; ".join(f"{name}: {failure.message}" for name, failure in failures.items())
    trouble = next((str(failure.trouble) for failure in failures.values()), "")
    earlier = before if before is not None and before.stable == wish.stable else None
    preview = _find_preview(wish, before)
    past = earlier.stable_buckets if earlier is not None and wish.weight is None else {}
    history = earlier.history if earlier is not None else None
    if not readings:
        return Measured(
            now,
            wish.cursor,
            wish.cursor,
            problem,
            trouble,
            stable_buckets=past,
            stable=wish.stable,
            history=history,
            preview=preview,
        )
    at = max(reading.at for reading in readings.values())
    cursor = _to_cursor(wish, readings)
    counts = {name: each.counts for name, each in readings.items() if each.counts is not None}
    traffic = _to_traffic(wish, counts, at)
    if traffic is None and before is not None:
        traffic = before.traffic
    past = _add_latencies(past, wish, counts)
    rules = _to_latency_rules(wish, past)
    return Measured(
        at,
        wish.cursor,
        cursor,
        problem or _find_unjudged(wish, rules),
        trouble,
        traffic=traffic,
        reading=_to_reading(wish, counts, at, cursor, traffic),
        shares=next((to_shares(each) for each in counts.values()), before.shares if before else {}),
        latency=rules,
        stable_buckets=past,
        stable=wish.stable,
        history=_add_counts(history, wish, counts),
        preview=_add_preview(preview, wish, counts, at),
    )


def _find_preview(wish: Wish, before: Measured | None) -> Preview | None:
    """What was read of the rollout's preview so far; None where no preview is counted."""
    if wish.preview is None:
        return None
    earlier = before.preview if before is not None else None
    if earlier is not None and earlier.rollout == wish.rollout:
        return earlier
    return Preview(wish.rollout, wish.canary, wish.preview)


def _add_preview(
    preview: Preview | None, wish: Wish, counts: Mapping[str, Mapping[str, MemberCounts]], at: float
) -> Preview | None:
    began = bookmarks.to_bookmark(_to_bookmarks(wish.cursor).get(ERRORS, {})).cursor.at
    if preview is None or began is None or ERRORS not in counts:
        return preview
    return preview.after(began, at, counts[ERRORS][wish.canary])


def _to_cursor(wish: Wish, readings: Mapping[str, Reading]) -> str:
    """Where each metric goes on."""
    wanted, kept = {name for name, _ in wish.metrics}, _to_bookmarks(wish.cursor)
    marks = {name: mark for name, mark in kept.items() if name in wanted}
    marks |= {name: bookmarks.to_plain(reading.bookmark) for name, reading in readings.items()}
    return json.dumps(dict(sorted(marks.items())), separators=(",", ":"))


def _to_bookmarks(cursor: str) -> dict[str, Mapping[str, object]]:
    try:
        kept = json.loads(cursor) if cursor else {}
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def _to_traffic(wish: Wish, counts: Mapping[str, Mapping[str, MemberCounts]], at: float) -> float | None:
    """Requests a second of the whole group since the last read."""
    kept = _to_bookmarks(wish.cursor)
    for name, members in sorted(counts.items()):
        began = bookmarks.to_bookmark(kept.get(name, {})).cursor.at
        if began is not None and at > began:
            return sum(each.requests for each in members.values()) / (at - began)
    return None


def _to_reading(
    wish: Wish,
    counts: Mapping[str, Mapping[str, MemberCounts]],
    at: float,
    cursor: str,
    traffic: float | None,
) -> observation.Reading | None:
    if wish.weight is None or not counts:
        return None
    judged = {}
    for name, members in counts.items():
        if name == LATENCY:
            edges = [to_seconds(edge) for edge in wish.edges.get(name, ())]
            tails = latency.to_counts(members[wish.canary].buckets, members[wish.stable].buckets, edges)
            if edges and tails is not None:
                judged[name] = tails
        else:
            pair = (to_counts(members, wish.canary, wish.stable),)
            judged[name] = pair
            judged[f"{name} {LIMIT}"] = pair
    pods = {
        name: members[wish.canary].pods
        for name, members in counts.items()
        if name != LATENCY and members[wish.canary].pods
    }
    read = Read(wish.weight, judged, wish.top, pods=pods or None)
    return observation.Reading(wish.rollout, at, read, traffic or 0.0, wish.cursor, cursor)


def _add_latencies(
    past: Buckets, wish: Wish, counts: Mapping[str, Mapping[str, MemberCounts]]
) -> Mapping[float, float]:
    """Stable's latencies with those of this read, as long as the rollout has not begun."""
    read = counts.get(LATENCY, {}).get(wish.stable)
    if read is None or wish.weight is not None:
        return past
    return {edge: past.get(edge, 0.0) + count for edge, count in read.buckets.items()}


def _add_counts(
    history: Mapping[str, StablePast] | None, wish: Wish, counts: Mapping[str, Mapping[str, MemberCounts]]
) -> Mapping[str, StablePast] | None:
    """Stable's past with what was counted in this read, as long as the rollout has not begun."""
    if history is None or wish.weight is not None:
        return history
    known = dict(history)
    for name, members in counts.items():
        read = members.get(wish.stable)
        if read is not None and name != LATENCY:
            known[name] = known.get(name, StablePast()).after(read.requests, read.bad)
    return known


def _to_latency_rules(wish: Wish, past: Buckets) -> tuple[MetricRule, ...]:
    """Rules made of what stable was like before the rollout."""
    made = [latency.make_latency_rule(each.name, past, each.harm, each.safe) for each in wish.policy.latency]
    return tuple(rule for rule in made if rule is not None)


def _find_unjudged(wish: Wish, rules: tuple[MetricRule, ...]) -> str:
    """Why the rollout cannot begin yet: a metric that is to decide has no rule, and would go unjudged."""
    made = {rule.name for rule in rules}
    missing = [each.name for each in wish.policy.latency if not each.dry_run and each.name not in made]
    if wish.weight is not None or wish.preview is not None or not missing:
        return ""
    return f"{missing[0]}: too few requests of {wish.stable or 'the stable member'} to tell fast from slow"


def group_by_source(wishes: Sequence[Wish]) -> dict[str, list[Wish]]:
    """Wishes by the source that is to answer them."""
    found: dict[str, list[Wish]] = {}
    for wish in wishes:
        found.setdefault(wish.source, []).append(wish)
    return found
