"""One pass over the input of a command: read, translate, and give every finding its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from meshsplit.cli.findings import (
    Counts,
    Located,
    Places,
    count,
    join_findings,
    locate_findings,
    make_places,
    without_silenced,
)
from meshsplit.cli.inputs import Inputs, load_settings
from meshsplit.manifests.reader import ReadResult
from meshsplit.model import GroupKey, Settings, Split, Translation
from meshsplit.rollout.targets import Weights
from meshsplit.translate import translate


@dataclass(frozen=True, slots=True)
class Checked:
    """What was read, what became of it, and every finding with its place, none silenced."""

    read: ReadResult
    settings: Settings
    translation: Translation
    places: Places
    located: tuple[Located, ...]

    @property
    def files(self) -> frozenset[str]:
        """Every file that was read; one without an object has a finding that says so."""
        found = (finding.position.file for finding in self.read.findings if finding.position is not None)
        return frozenset({*found, *(document.file for document in self.read.documents)})

    def unsilenced(self, codes: Iterable[str] = ()) -> tuple[Located, ...]:
        """The findings that neither `codes` nor a comment nor an annotation says to ignore."""
        return without_silenced(self.located, self.places, self.read.ignores, codes)

    def count(self, located: tuple[Located, ...]) -> Counts:
        """The numbers of a closing line about `located`."""
        return count(located, self.read.documents, len(self.translation.outcomes), self.files)


def check(
    inputs: Inputs, weights: Weights = "start", current: Mapping[GroupKey, Split] | None = None
) -> Checked:
    """Read and translate `inputs`; CannotRead when a file or the settings cannot be read."""
    settings = load_settings(inputs.settings)
    read = inputs.read()
    bodies = (document.body for document in read.documents)
    translation = translate(bodies, settings, current, weights)
    places = make_places(read.documents, translation.objects, translation.outcomes)
    located = locate_findings(join_findings(read.findings, translation.findings), places)
    return Checked(read, settings, translation, places, located)
