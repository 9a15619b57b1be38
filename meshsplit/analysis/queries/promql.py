"""One PromQL query for a signal of all rollouts at once: raw counters by pod, and when they were scraped.

Neither `rate()` nor `increase()`: both extrapolate, and miss the first failure, which creates its series.
Series are added up within a pod only, so that a restart of one is seen.
"""

import re
from collections.abc import Iterable, Sequence

from meshsplit.analysis.queries.pack import NAME, Family, Pack, Place

TAG = "meshsplit"
"""The label that says which part of the query a series answers: a backend, or its times."""
TIMES = " times"
POD_LABELS = ("pod", "instance", "job")
"""Who counted: the labels that Prometheus itself gives the series of a target."""

_MOST_ALTERNATIVES = 250
"""Prometheus looks a regular expression of up to 256 literals up in its index; a longer one it tries on every
value there is (`findSetMatches`), so then everything is asked for and the rest left here.
"""
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


def make_query(parts: Iterable[tuple[Pack, Family, Iterable[Place]]]) -> str:
    """The query for these families, narrowed to the places where they are few."""
    return "\nor\n".join(
        part for pack, family, places in parts for part in _make_parts(pack.backend.value, family, places)
    )


def _make_parts(tag: str, family: Family, places: Iterable[Place]) -> tuple[str, str]:
    counters = _select(family.names, family, places)
    # Without its name a series of one metric may equal one of another, so only the first tells the time.
    clock = _select(family.names[:1], family, places)
    return (
        _tag(f"sum by ({', '.join((*POD_LABELS, *family.by))}) ({counters})", tag),
        _tag(f"max by ({', '.join(POD_LABELS)}) (timestamp({clock}))", f"{tag}{TIMES}"),
    )


def _tag(expression: str, tag: str) -> str:
    return f'label_replace({expression}, "{TAG}", "{tag}", "", "")'


def _select(names: Sequence[str], family: Family, places: Iterable[Place]) -> str:
    matchers = [f'{label}="{value}"' for label, value in family.matchers]
    values = sorted({value for place in places for value in family.to_label(place)})
    if len(values) <= _MOST_ALTERNATIVES:
        matchers.append(f"{family.narrow}=~{quote('|'.join(map(_escape, values)))}")
    if len(names) == 1:
        return f"{names[0]}{{{','.join(matchers)}}}"
    named = f"{NAME}=~{quote('|'.join(names))}"
    return f"{{{','.join((named, *matchers))}}}"


def _escape(literal: str) -> str:
    return _SPECIAL.sub(r"\\\1", literal)


def quote(text: str) -> str:
    """A PromQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
