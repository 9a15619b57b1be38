"""Whether one match takes requests that another one asks for."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from meshsplit.istio import names

GRPC_PATH = "/inference.GRPCInferenceService/"
"""Paths of gRPC calls of the Open Inference Protocol; our gRPC matches leave them unsaid."""

_REGEX_SIGNS = r"\.+*?()|[]{}^$"

Match = Mapping[str, Any]
_Entry = TypeVar("_Entry")


def overlap(theirs: Match, ours: Match) -> bool:
    """Whether `theirs` takes requests of `ours` for no more than they carry.

    A match that asks for a header or parameter that ours does not mention is no overlap: it takes only
    requests that ask for it. A catch-all takes none from a narrower match, because istiod moves it to the end
    (pilot/pkg/networking/core/route, SortVHostRoutes). Of a regex only the literal beginning is compared.
    """
    if is_catch_all(theirs) and not is_catch_all(ours):
        return False
    if any(theirs.get(field) for field in ("queryParams", "sourceLabels")):
        return False
    if not _paths_overlap(theirs, ours) or not _values_overlap(theirs.get("method"), ours.get("method")):
        return False
    our_headers = ours.get("headers") or {}
    return all(
        name in our_headers and _values_overlap(value, our_headers[name])
        for name, value in (theirs.get("headers") or {}).items()
    )


def is_catch_all(match: Match) -> bool:
    """Whether the match takes every request (IsCatchAllRoute)."""
    uri = match.get("uri") or {}
    whole = not uri or uri.get("prefix") == "/" or uri.get("regex") == ".*"
    narrowing = ("headers", "withoutHeaders", "queryParams", "method", "scheme", "authority")
    return whole and not any(match.get(field) for field in narrowing)


def is_grpc(match: Match) -> bool:
    """Whether the match is one of our gRPC keys: it names no path but can only meet gRPC calls."""
    return not match.get("uri") and names.VMODEL_HEADER in (match.get("headers") or {})


def describe(match: Match) -> str:
    """What a match of ours asks for, in the words of a client."""
    uri, headers = match.get("uri") or {}, match.get("headers") or {}
    if uri:
        return str(uri.get("exact") or f"{uri.get('prefix')}…")
    if names.VMODEL_HEADER in headers:
        return f"{names.VMODEL_HEADER}: {headers[names.VMODEL_HEADER].get('exact')}"
    return "everything else"


class MatchIndex(Generic[_Entry]):
    """Matches by where their paths begin, so that thousands on one host need not be compared pairwise."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[_Entry]] = {}
        self._by_start: dict[str, list[_Entry]] = {}
        self._starts: list[str] = []

    def add(self, match: Match, entry: _Entry) -> None:
        """File `entry` under the ModelMesh key of `match` if it has one, else under its path."""
        key = _grpc_key(match)
        if key is not None:
            self._by_key.setdefault(key, []).append(entry)
            return
        start = _start(match)
        if start not in self._by_start:
            self._by_start[start] = []
            self._starts.insert(bisect_left(self._starts, start), start)
        self._by_start[start].append(entry)

    def near(self, match: Match) -> Iterator[_Entry]:
        """The entries that `match` may overlap with, and possibly more."""
        yield from self._by_key.get(_grpc_key(match) or "", ())
        start = _start(match)
        for length in range(len(start)):
            yield from self._by_start.get(start[:length], ())
        for place in range(bisect_left(self._starts, start), len(self._starts)):
            if not self._starts[place].startswith(start):
                return
            yield from self._by_start[self._starts[place]]


def _grpc_key(match: Match) -> str | None:
    exact = ((match.get("headers") or {}).get(names.VMODEL_HEADER) or {}).get("exact")
    return exact if isinstance(exact, str) and exact else None


def _start(match: Match) -> str:
    """The text that every path of the match begins with, in lower case because a match may ignore case."""
    uri = match.get("uri") or {}
    if is_grpc(match):
        return GRPC_PATH.lower()
    text = uri.get("exact") or uri.get("prefix") or _literal(uri.get("regex") or "")
    return str(text).lower()


def _literal(regex: str) -> str:
    regex = regex.removeprefix("^")
    end = next((place for place, sign in enumerate(regex) if sign in _REGEX_SIGNS), len(regex))
    if regex[end : end + 1] in ("?", "*", "{"):
        end -= 1
    return "" if "|" in regex else regex[: max(end, 0)]


def _paths_overlap(theirs: Match, ours: Match) -> bool:
    fold = bool(theirs.get("ignoreUriCase"))
    return _texts_overlap(*_path_of(theirs, fold), *_path_of(ours, fold))


def _path_of(match: Match, fold: bool) -> tuple[str, bool]:
    """The path, and whether it is the whole of it."""
    uri = match.get("uri") or {}
    text = GRPC_PATH if is_grpc(match) else str(uri.get("prefix") or _literal(uri.get("regex") or ""))
    text, whole = (uri["exact"], True) if uri.get("exact") else (text, False)
    return (text.lower() if fold else text), whole


def _values_overlap(theirs: Match | None, ours: Match | None) -> bool:
    """Whether a value can meet both string matches; no match meets every value."""
    return _texts_overlap(*_value_of(theirs or {}), *_value_of(ours or {}))


def _value_of(match: Match) -> tuple[str, bool]:
    if match.get("exact") is not None:
        return str(match["exact"]), True
    return str(match.get("prefix") or _literal(match.get("regex") or "")), False


def _texts_overlap(theirs: str, theirs_whole: bool, ours: str, ours_whole: bool) -> bool:
    """Whether one text can begin with (be, when whole) both."""
    if theirs_whole and ours_whole:
        return theirs == ours
    if theirs_whole:
        return theirs.startswith(ours)
    if ours_whole:
        return ours.startswith(theirs)
    return theirs.startswith(ours) or ours.startswith(theirs)
