"""The texts of all targets, sorted: an answer to every request, or which target is missing for it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from meshsplit.analysis.asks import SignalAsk, find_unsupported
from meshsplit.analysis.exposition import NotExposition, parse
from meshsplit.analysis.metrics import Answer, Failure, Key, Partial, Trouble, Unavailable
from meshsplit.analysis.queries.pack import NAME, Family
from meshsplit.analysis.snapshot import Snapshot, add_series
from meshsplit.metrics.targets import Target

Text = tuple[str, float]
"""A target's text and when it was read, on the clock of the read's `now`."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """What came of one target: its text, or why there is none."""

    target: Target
    outcome: Text | Unavailable


def answer(ask: SignalAsk, scraped: Iterable[Scraped], now: float) -> dict[Key, Answer]:
    """The answer to every request for one signal, by key."""
    snapshot = Snapshot()
    families = {pack.backend: family for pack, family, _ in ask.to_parts()}
    failures: dict[tuple[str, str], list[tuple[Target, Unavailable]]] = {}
    scopes: dict[tuple[str, str], int] = {}
    for each in scraped:
        scopes[each.target.scope] = scopes.get(each.target.scope, 0) + 1
        failure = _sort_in(snapshot, ask, families[each.target.backend], each)
        if failure is not None:
            failures.setdefault(each.target.scope, []).append((each.target, failure))
    answers: dict[Key, Answer] = {}
    for request, places in ask.requests:
        wanted = sorted({place[:2] for each in places.values() for place in each})
        found: list[Failure | None] = [find_unsupported(places)]
        found += [_find_failure(scope, scopes, failures) for scope in wanted]
        failed = [each for each in found if each is not None]
        answers[request.key] = failed[0] if failed else ask.answer(request, places, snapshot, now)
    return answers


def _sort_in(snapshot: Snapshot, ask: SignalAsk, family: Family, scraped: Scraped) -> Unavailable | None:
    """Sort a target's series into the snapshot, none of them when one line is none; why it gave nothing."""
    if isinstance(scraped.outcome, Unavailable):
        return scraped.outcome
    text, at = scraped.outcome
    target = scraped.target
    try:
        series = [
            ({**target.labels, **labels, NAME: name}, value)
            for name, labels, value in parse(text, _to_filter(family))
        ]
    except NotExposition as error:
        return Unavailable(Trouble.UNREADABLE, str(error))
    snapshot.pods[target.scope][target.name] = at
    for labels, value in series:
        if all(labels.get(label) == wanted for label, wanted in family.matchers):
            add_series(snapshot, ask.signal, family, target.name, labels, value, at)
    return None


def _to_filter(family: Family) -> Callable[[str], bool]:
    names = re.compile("|".join(f"(?:{name})" for name in family.names))
    return lambda name: names.fullmatch(name) is not None


def _find_failure(
    scope: tuple[str, str],
    targets: Mapping[tuple[str, str], int],
    failures: Mapping[tuple[str, str], Sequence[tuple[Target, Unavailable]]],
) -> Failure | None:
    """What keeps a scope from being read whole: nobody to ask, nobody or not everybody who answers."""
    backend, namespace = scope
    if not targets.get(scope):
        where = f" in namespace {namespace}" if namespace else ""
        return Unavailable(Trouble.UNREACHABLE, f"there is no {backend} endpoint to read{where}")
    failed = failures.get(scope)
    if not failed:
        return None
    target, failure = failed[0]
    message = f"{target.name} ({target.url}): {failure.message}"
    if len(failed) == targets[scope]:
        return Unavailable(failure.trouble, message)
    return Partial(f"{len(failed)} of {targets[scope]} endpoints gave nothing: {message}")
