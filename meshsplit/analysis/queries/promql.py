"""One PromQL query for a signal of all rollouts at once: raw counters by pod, and when they were scraped.

Neither `rate()` nor `increase()`: both extrapolate, and miss the first failure, which creates its series.
Series are added up within a pod only, so that a restart of one is seen.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from meshsplit.analysis.queries.pack import NAME, Family, Pack, Place

TAG = "meshsplit"
"""The label that says which part of the query a series answers: a backend, or its times."""
TIMES = " times"
POD_LABELS = ("pod", "instance", "job")
"""Who counted: the labels that Prometheus itself gives the series of a target."""

_MOST_ALTERNATIVES = 250
"""Prometheus looks a regular expression of up to 256 literals up in its index; a longer one it tries on every
value there is (`findSetMatches`). So members are asked for in groups of so many.
"""
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


def make_query(parts: Iterable[tuple[Pack, Family, Iterable[Place]]]) -> str:
    """The query for the series of these families that count at these places."""
    return "\nor\n".join(
        expression
        for pack, family, places in parts
        for values in _to_groups({value for place in places for value in family.to_label(place)})
        for expression in _make_pair(pack.backend.value, family, values)
    )


def make_past_query(parts: Iterable[tuple[Pack, Family, Iterable[Place]]]) -> str:
    """The same counters without their times, for a range query: its samples have a time each."""
    return "\nor\n".join(
        _make_counters(pack.backend.value, family, values)
        for pack, family, places in parts
        for values in _to_groups({value for place in places for value in family.to_label(place)})
    )


def _to_groups(values: Iterable[str]) -> Iterator[Sequence[str]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), _MOST_ALTERNATIVES):
        yield ordered[start : start + _MOST_ALTERNATIVES]


def _make_pair(tag: str, family: Family, values: Sequence[str]) -> tuple[str, str]:
    # Without its name a series of one metric may equal one of another, so only the first tells the time.
    clock = _select(family.names[:1], family, _narrow(family, values))
    return (
        _make_counters(tag, family, values),
        _tag(f"max by ({', '.join(POD_LABELS)}) (timestamp({clock}))", f"{tag}{TIMES}"),
    )


def _make_counters(tag: str, family: Family, values: Iterable[str]) -> str:
    counters = _select(family.names, family, _narrow(family, values))
    return _tag(f"sum by ({', '.join((*POD_LABELS, *family.by))}) ({counters})", tag)


def _narrow(family: Family, values: Iterable[str]) -> str:
    return f"{family.narrow}=~{quote('|'.join(map(_escape, values)))}"


def _tag(expression: str, tag: str) -> str:
    return f'label_replace({expression}, "{TAG}", "{tag}", "", "")'


def _select(names: Sequence[str], family: Family, narrowed: str) -> str:
    matchers = [*(f'{label}="{value}"' for label, value in family.matchers), narrowed]
    if len(names) == 1:
        return f"{names[0]}{{{','.join(matchers)}}}"
    named = f"{NAME}=~{quote('|'.join(names))}"
    return f"{{{','.join((named, *matchers))}}}"


def _escape(literal: str) -> str:
    return _SPECIAL.sub(r"\\\1", literal)


def quote(text: str) -> str:
    """A PromQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
