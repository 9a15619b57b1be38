"""From findings about objects to findings with a place in a file, less those that were silenced."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshsplit.diagnostics import Finding, ObjectRef, Position, Related, Severity, severity_of
from meshsplit.istio.names import MODEL_TAG
from meshsplit.manifests.document import Document, locate
from meshsplit.model import GroupKey, Outcome

IGNORE_ANNOTATION = "meshsplit.dev/ignore"


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its severity and, where the input has them, the places of the fields it is about."""

    finding: Finding
    severity: Severity
    position: Position | None
    related: tuple[tuple[Related, Position | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """What a report's closing line says."""

    documents: int
    files: int
    groups: int
    errors: int
    warnings: int
    notes: int
    live: int = 0
    """Objects that were read from a cluster."""


@dataclass(frozen=True, slots=True)
class Places:
    """The documents of the input by object, and for every generated object the one it was made from.

    `live` are objects that were read from a cluster: they have no place in a file.
    """

    documents: Mapping[ObjectRef, Document]
    sources: Mapping[ObjectRef, ObjectRef]
    live: Mapping[ObjectRef, Mapping[str, Any]] = field(default_factory=dict)

    def resolve(self, ref: ObjectRef | None, path: tuple[str | int, ...]) -> Position | None:
        """The place of a field; for a generated object that of its source's name; None for neither."""
        if ref is None:
            return None
        document = self.documents.get(ref)
        if document is not None:
            return locate(document, path)
        source = self.documents.get(self.sources.get(ref, ref))
        return locate(source, ("metadata", "name")) if source is not None else None

    def body_of(self, ref: ObjectRef | None) -> Mapping[str, Any]:
        """An object of the input, or the one it was made from; empty for neither."""
        for known in () if ref is None else (ref, self.sources.get(ref, ref)):
            document = self.documents.get(known)
            body = self.live.get(known) if document is None else document.body
            if body is not None:
                return body
        return {}


def make_places(
    documents: Iterable[Document],
    objects: Iterable[Mapping[str, Any]] = (),
    outcomes: Iterable[Outcome] = (),
    live: Mapping[ObjectRef, Mapping[str, Any]] | None = None,
) -> Places:
    """Index the input; a group's VirtualService comes from its ModelSplit or else its first member."""
    by_object: dict[ObjectRef, Document] = {}
    for document in documents:
        by_object.setdefault(document.ref, document)
    groups = {outcome.group.key: outcome.group for outcome in outcomes}
    sources = {}
    for body in objects:
        metadata = body["metadata"]
        ref = ObjectRef(body["kind"], metadata["namespace"], metadata["name"])
        tag = metadata.get("annotations", {}).get(MODEL_TAG)
        group = groups.get(GroupKey(ref.namespace, tag)) if tag is not None else None
        if group is None:
            sources[ref] = ObjectRef("InferenceService", ref.namespace, ref.name)
        elif group.source is not None:
            sources[ref] = group.source
        elif group.members:
            sources[ref] = ObjectRef("InferenceService", ref.namespace, group.members[0].name)
    return Places(by_object, sources, live or {})


def join_findings(read: Sequence[Finding], understood: Sequence[Finding]) -> tuple[Finding, ...]:
    """All findings of a pass; of a field that both stages refuse only the reader tells: it saw the text."""
    told = {(finding.code, finding.object, finding.path) for finding in read}
    return (*read, *(each for each in understood if (each.code, each.object, each.path) not in told))


def locate_findings(findings: Iterable[Finding], places: Places) -> tuple[Located, ...]:
    """Resolve every place; the same finding twice counts once. Sorted by file, line, column, code."""
    located = [
        Located(
            finding,
            severity_of(finding),
            finding.position or places.resolve(finding.object, finding.path),
            tuple((each, places.resolve(each.object, each.path)) for each in finding.related),
        )
        for finding in dict.fromkeys(findings)
    ]
    return tuple(sorted(located, key=_order))


def _order(located: Located) -> tuple[bool, Position, str, str, str]:
    position = located.position or Position("", 0, 0)
    finding = located.finding
    return located.position is None, position, finding.code, str(finding.object), finding.message


def without_silenced(
    located: Iterable[Located],
    places: Places,
    comments: Mapping[tuple[str, int], frozenset[str]],
    codes: Iterable[str] = (),
) -> tuple[Located, ...]:
    """Drop what `codes`, a comment on the line above, or the object's annotation says to ignore."""
    everywhere = frozenset(codes)
    return tuple(each for each in located if not _is_silenced(each, places, comments, everywhere))


def _is_silenced(
    located: Located,
    places: Places,
    comments: Mapping[tuple[str, int], frozenset[str]],
    everywhere: frozenset[str],
) -> bool:
    code, position = located.finding.code, located.position
    if code in everywhere:
        return True
    if position is not None and code in comments.get((position.file, position.line), frozenset()):
        return True
    return code in _annotated(places.body_of(located.finding.object))


def _annotated(body: Mapping[str, Any]) -> frozenset[str]:
    metadata = body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    value = annotations.get(IGNORE_ANNOTATION) if isinstance(annotations, Mapping) else None
    if not isinstance(value, str):
        return frozenset()
    return frozenset(code.strip().upper() for code in value.split(","))


def count(
    located: Sequence[Located], documents: Sequence[Document], groups: int, files: Iterable[str]
) -> Counts:
    """Counts for the summary; `files` are those that were read, also the ones without an object."""
    severities = [each.severity for each in located]
    return Counts(
        len(documents),
        len(set(files)),
        groups,
        severities.count(Severity.ERROR),
        severities.count(Severity.WARNING),
        severities.count(Severity.NOTE),
    )
