"""Several files as one input: every object once, whatever the order of the files."""

from collections.abc import Iterable

from meshsplit.canonical import to_canonical
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.manifests.document import Document, locate
from meshsplit.manifests.reader import ReadResult, finding_order

CONFLICT = "MSP006"

_Key = tuple[ObjectRef, str]


def combine(results: Iterable[ReadResult]) -> ReadResult:
    """All documents sorted by object and API group, all findings by place, all ignores.

    Of the same object written several times one is kept: the one with the smallest canonical JSON. Copies
    that differ are a finding.
    """
    copies: dict[_Key, list[Document]] = {}
    findings: list[Finding] = []
    ignores: dict[tuple[str, int], frozenset[str]] = {}
    for result in results:
        findings.extend(result.findings)
        for document in result.documents:
            copies.setdefault(_identity(document), []).append(document)
        for place, codes in result.ignores.items():
            ignores[place] = ignores.get(place, frozenset()) | codes
    documents: list[Document] = []
    for key in sorted(copies):
        kept, conflict = _choose(copies[key])
        documents.append(kept)
        findings.extend(conflict)
    return ReadResult(tuple(documents), tuple(sorted(findings, key=finding_order)), ignores)


def _identity(document: Document) -> _Key:
    api_version: str = document.body["apiVersion"]
    group = api_version.rpartition("/")[0]
    return document.ref, group


def _choose(copies: list[Document]) -> tuple[Document, list[Finding]]:
    if len(copies) == 1:
        return copies[0], []
    by_content: dict[bytes, list[Document]] = {}
    for document in copies:
        by_content.setdefault(to_canonical(document.body), []).append(document)
    kept = min(by_content[min(by_content)], key=lambda document: locate(document, ("metadata", "name")))
    return kept, [_conflict(copies, kept)] if len(by_content) > 1 else []


def _conflict(copies: list[Document], kept: Document) -> Finding:
    """One finding at the second place; the message names two, the details all."""
    places = sorted(locate(document, ("metadata", "name")) for document in copies)
    used = locate(kept, ("metadata", "name"))
    lines = [f"{place.file}:{place.line}" for place in places]
    more = f" and {len(lines) - 2} more" if len(lines) > 2 else ""
    return Finding(
        CONFLICT,
        f"{kept.ref} is in the input {len(copies)} times and the copies differ: {lines[0]}, {lines[1]}{more}",
        object=kept.ref,
        path=("metadata", "name"),
        fix="keep one of them",
        details=(
            *lines,
            f"Used: {used.file}:{used.line}, chosen by content, whatever the order of the files.",
        ),
        position=places[1],
    )
