"""Manifests as text to Kubernetes objects and findings: YAML or JSON, read as kubectl reads them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from meshsplit.diagnostics import Finding, Position
from meshsplit.manifests.construct import construct
from meshsplit.manifests.document import Document
from meshsplit.manifests.json_text import read_json
from meshsplit.manifests.objects import Origin, read_objects
from meshsplit.manifests.split import Chunk, ignored_codes, split_documents
from meshsplit.manifests.syntax import BROKEN, Parsed, Problem
from meshsplit.manifests.tree import compose

NO_OBJECTS = "MSP004"
CRLF = "MSP005"

DEFAULT_NAMESPACE = "default"
"""Where kubectl puts an object that names no namespace."""

_BYTE_ORDER_MARK = "\ufeff"
_JSON_START = re.compile(r"\s*[{\[]")
_CERTAINLY_JSON = re.compile(r'\s*(?:\{\s*["}]|\[)')


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Objects in order of place, findings in order of place, and codes silenced by (file, line)."""

    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]
    ignores: Mapping[tuple[str, int], frozenset[str]] = field(default_factory=dict)


def read_text(text: str, file: str, default_namespace: str = DEFAULT_NAMESPACE) -> ReadResult:
    """Every object of a file's text; what cannot be read is a finding and never hides what follows it."""
    text = text.removeprefix(_BYTE_ORDER_MARK)
    documents: list[Document] = []
    findings: list[Finding] = []
    for parsed in _parse(text):
        for found in read_objects(Origin(file, default_namespace, parsed)):
            if isinstance(found, Document):
                documents.append(found)
            else:
                findings.append(found)
    findings.extend(_file_notes(text, file, empty=not documents and not findings))
    ignores = {(file, line): codes for line, codes in ignored_codes(text).items()}
    return ReadResult(tuple(documents), tuple(sorted(findings, key=finding_order)), ignores)


def finding_order(finding: Finding) -> tuple[Position, str, str]:
    """Findings sort by file, line, column, then code and message."""
    return finding.position or Position("", 0, 0), finding.code, finding.message


def _parse(text: str) -> Iterator[Parsed]:
    for chunk in split_documents(text):
        if chunk.trailing:
            yield _refused_separator(chunk)
        elif _JSON_START.match(chunk.text):
            yield from _json_or_yaml(chunk)
        else:
            yield _yaml(chunk)


def _json_or_yaml(chunk: Chunk) -> list[Parsed]:
    """JSON, or the YAML flow mapping that a first document which is no JSON may be (kubectl tries both)."""
    documents = list(read_json(chunk.text, chunk.first_line))
    if not _is_unreadable(documents[0]):
        return documents
    as_yaml = _yaml(chunk)
    if _is_unreadable(as_yaml) and _CERTAINLY_JSON.match(chunk.text):
        return documents
    return [as_yaml]


def _is_unreadable(parsed: Parsed) -> bool:
    return parsed.value is None and bool(parsed.problems)


def _yaml(chunk: Chunk) -> Parsed:
    root = compose(chunk.text)
    if isinstance(root, Problem):
        return Parsed(chunk.text, chunk.first_line, None, (root,))
    value, problems = (None, ()) if root is None else construct(root)
    return Parsed(chunk.text, chunk.first_line, value, problems)


def _refused_separator(chunk: Chunk) -> Parsed:
    """The document after `--- text`, with the separator line in front so that the finding points at it."""
    text = f"---{chunk.trailing}\n{chunk.text}"
    trailing = chunk.trailing.strip()
    message = f'"{trailing}" after --- on the same line; kubectl refuses that'
    problem = Problem(BROKEN, message, "start the document on the next line", text.index(trailing))
    return Parsed(text, chunk.first_line - 1, None, (problem,))


def _file_notes(text: str, file: str, empty: bool) -> Iterator[Finding]:
    if empty:
        start = Position(file, 1, 1)
        yield Finding(
            NO_OBJECTS,
            "no Kubernetes object in this file",
            fix="write one, or remove the file",
            position=start,
        )
    first = text.find("\r\n")
    if first >= 0:
        place = Position(file, text.count("\n", 0, first) + 1, first - text.rfind("\n", 0, first))
        fix = "save the file with LF line ends"
        yield Finding(CRLF, "lines end with CRLF; they are read as LF", fix=fix, position=place)
