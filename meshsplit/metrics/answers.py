"""What Prometheus' HTTP API answered: a vector, a refusal, or a vector that says itself it is not whole."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import requests

from meshsplit.analysis.metrics import Partial, Trouble, Unavailable

_LONGEST_MESSAGE = 300
_INFO = "PromQL info:"
"""Remarks on the query's style, which Prometheus 2.5x lists among its warnings."""
_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class Series(NamedTuple):
    """One series of an instant query's result."""

    labels: Mapping[str, str]
    value: float


class Samples(NamedTuple):
    """One series of a range query's result: its samples as (Unix seconds, value), in order of time."""

    labels: Mapping[str, str]
    values: tuple[tuple[float, float], ...]


Vector = tuple[Series, ...]
Matrix = tuple[Samples, ...]


def to_vector(result: Any) -> Vector:
    """The result as series; ValueError, TypeError or KeyError when it is no vector."""
    return tuple(Series(_to_labels(entry), float(entry["value"][1])) for entry in _to_entries(result))


def to_matrix(result: Any) -> Matrix:
    """The result as series over time; ValueError, TypeError or KeyError when it is no matrix."""
    return tuple(
        Samples(_to_labels(entry), tuple((float(at), float(value)) for at, value in entry["values"]))
        for entry in _to_entries(result)
    )


def _to_entries(result: Any) -> list[Any]:
    if not isinstance(result, list):
        raise TypeError("the result is no list")
    return result


def _to_labels(entry: Any) -> Mapping[str, str]:
    if not isinstance(entry, dict) or not isinstance(entry["metric"], dict):
        raise TypeError("the result is no list of series")
    labels: dict[str, str] = entry["metric"]
    if not all(isinstance(value, str) for value in labels.values()):
        raise TypeError("a label is no text")
    return labels


def find_partial(answer: requests.Response | None) -> Partial | None:
    """What the answer warns of; the client throws warnings away."""
    # Cheaper than to decode every answer twice.
    if answer is None or b'"warnings"' not in answer.content:
        return None
    warnings = [str(it) for it in answer.json().get("warnings") or () if not str(it).startswith(_INFO)]
    return Partial(_shorten("; ".join(warnings))) if warnings else None


def to_refusal(answer: requests.Response | None, address: str) -> Unavailable:
    """Why an answer is no result, by its status and what Prometheus says in it."""
    if answer is None:
        return Unavailable(Trouble.UNREACHABLE, f"{address} gave no answer")
    kind, message = _read_error(answer)
    said = f"{address} answers {answer.status_code}" + (f": {_shorten(message)}" if message else "")
    if kind in ("timeout", "canceled"):
        return Unavailable(Trouble.SLOW, said)
    if kind in ("bad_data", "execution") or answer.status_code in _REFUSALS:
        return Unavailable(Trouble.REFUSED, said)
    if answer.status_code != HTTPStatus.OK:
        return Unavailable(Trouble.FAILING, said)
    return Unavailable(Trouble.UNREADABLE, f"{said}; it is no result of a query")


def _read_error(answer: requests.Response) -> tuple[str, str]:
    """`errorType` and `error` of Prometheus' own answers, or the text of anybody else's."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return "", answer.text.strip()
    if not isinstance(body, dict):
        return "", ""
    return str(body.get("errorType") or ""), str(body.get("error") or "")


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[:_LONGEST_MESSAGE] + "…"
