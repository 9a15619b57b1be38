"""One pass over the input of a command: read, translate, and give every finding its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from meshsplit.cli.compare import ref_of, splits_of
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
from meshsplit.cli.livebodies import NOTHING_LIVE, LiveBodies, read_live
from meshsplit.disvc.preview import Preview, preview_disvcs
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
    live: LiveBodies = NOTHING_LIVE
    disvcs: tuple[Preview, ...] = ()

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
        counts = count(located, self.read.documents, len(self.translation.outcomes), self.files)
        return replace(counts, live=len(self.live.bodies))


def check(
    inputs: Inputs, weights: Weights = "start", current: Mapping[GroupKey, Split] | None = None
) -> Checked:
    """Read and translate `inputs`; CannotRead when a file, the settings or the cluster cannot be read.

    With a live cluster its objects are there too, those of the same name in a file taking their place, and
    what serves is what they say unless `current` is given.
    """
    settings = load_settings(inputs.settings)
    read = inputs.read()
    live = NOTHING_LIVE if inputs.live is None else read_live(inputs.live, settings, inputs.named_namespace)
    written = {document.ref for document in read.documents}
    beside = {ref: body for body in live.bodies if (ref := ref_of(body)) not in written}
    if current is None and inputs.live is not None:
        current = splits_of(live.bodies)
    bodies = (*(document.body for document in read.documents), *beside.values())
    translation = translate(bodies, settings, current, weights)
    places = make_places(read.documents, translation.objects, translation.outcomes, beside)
    disvcs = preview_disvcs(bodies, settings)
    understood = (*translation.findings, *(finding for each in disvcs for finding in each.findings))
    located = locate_findings(join_findings(read.findings, understood), places)
    return Checked(read, settings, translation, places, located, live, disvcs)
