"""What is wrong with a folder that is served: findings, and what the cluster refused, each said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.cli.compare import ref_of
from meshsplit.cli.findings import Located, join_findings, locate_findings, make_places, without_silenced
from meshsplit.cli.text import to_text
from meshsplit.controller.live import MIRROR
from meshsplit.diagnostics import Severity
from meshsplit.disvc.preview import preview_disvcs
from meshsplit.istio.observed import is_made_here
from meshsplit.translate import translate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from meshsplit.cli.output import Output
    from meshsplit.diagnostics import Finding, ObjectRef
    from meshsplit.local.sync import Refusal
    from meshsplit.manifests.reader import ReadResult
    from meshsplit.model import GroupKey, Settings, Split, Translation

_WRITTEN_BY_USERS = frozenset({"DestinationRule", "Gateway", "VirtualService"})


class FolderFindings:
    """Prints what is wrong after each edit, unless it is what was printed last."""

    def __init__(self, settings: Settings, output: Output) -> None:
        self._settings = settings
        self._output = output
        self._said = ""
        self._refused: frozenset[str] = frozenset()

    def say_fatal(self, result: ReadResult) -> bool:
        """Print why what was read must not be served, as an object may be missing; whether that is so.

        Serving it would take the object's traffic away.
        """
        located = _locate(result, None)
        fatal = any(each.severity is Severity.ERROR for each in located)
        if fatal:
            self._print(located)
        return fatal

    def say(
        self,
        result: ReadResult,
        observed: Iterable[Mapping[str, Any]],
        refusals: Sequence[Refusal],
        current: Mapping[GroupKey, Split],
    ) -> None:
        """Print what is wrong with `observed`, the cluster's objects, and what the cluster did not take.

        `current` is what serves. A refusal that a finding explains is not printed beside it.
        """
        refused = {refusal.document.ref for refusal in refusals}
        bodies = _to_bodies(result, observed, refused)
        disvcs = preview_disvcs([*(document.body for document in result.documents), *bodies], self._settings)
        doubts = [finding for each in disvcs for finding in each.findings]
        located = _locate(result, translate(bodies, self._settings, current), doubts)
        self._print(located)
        told = {each.finding.object for each in located if each.severity is Severity.ERROR}
        lines = frozenset(_to_line(refusal) for refusal in refusals if refusal.document.ref not in told)
        for line in sorted(lines - self._refused):
            self._output.say(line)
        self._refused = lines

    def _print(self, located: Sequence[Located]) -> None:
        text = to_text(located, self._output.stderr)
        if text != self._said:
            self._output.say(text or "Nothing is wrong any more.")
        self._said = text


def is_generated(body: Mapping[str, Any]) -> bool:
    """Whether the controller made the object and nobody wrote it."""
    return is_made_here(body) or MIRROR in (body["metadata"].get("labels") or {})


def _to_bodies(
    result: ReadResult, observed: Iterable[Mapping[str, Any]], refused: Collection[ObjectRef]
) -> list[Mapping[str, Any]]:
    """The cluster's objects, less those made by the controller, as the folder says them where it counts.

    A document that was refused is judged as it is written, and so are Istio's kinds, where it matters whether
    git or the cluster holds an object.
    """
    documents = {
        document.ref: document.body
        for document in result.documents
        if document.ref in refused or document.ref.kind in _WRITTEN_BY_USERS
    }
    live = [body for body in observed if not is_generated(body)]
    return [*documents.values(), *(body for body in live if ref_of(body) not in documents)]


def _to_line(refusal: Refusal) -> str:
    document = refusal.document
    return f"{document.file}:{document.first_line}: error: the cluster refuses it: {refusal.message}"


def _locate(
    result: ReadResult, translation: Translation | None, others: Sequence[Finding] = ()
) -> tuple[Located, ...]:
    understood = (*(translation.findings if translation else ()), *others)
    found = join_findings(result.findings, understood)
    objects, outcomes = (translation.objects, translation.outcomes) if translation else ((), ())
    places = make_places(result.documents, objects, outcomes)
    return without_silenced(locate_findings(found, places), places, result.ignores)
