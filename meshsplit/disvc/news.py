"""What of a change of versions is worth an Event."""

from collections.abc import Iterator
from dataclasses import dataclass

from meshsplit.disvc.versions import Phase, Version, Versions


@dataclass(frozen=True, slots=True)
class News:
    """One Event to be; the same change gives the same news, however often it is tried to be kept.

    `since` tells apart two changes of one kind: when what ends with it began, 0 for a new version.
    """

    reason: str
    message: str
    since: float


def find_news(old: Versions, new: Versions) -> Iterator[News]:
    """What happened between two states of the versions, by number."""
    before = {version.number: version for version in old.all}
    after = {version.number: version for version in new.all}
    for version in new.all:
        known = before.get(version.number)
        if known is None or known.phase is not version.phase:
            yield from _tell(version, known, old)
    for number in sorted(before.keys() - after.keys()):
        yield News("VersionRemoved", f"version {number} is gone", before[number].since)


def _tell(version: Version, known: Version | None, old: Versions) -> Iterator[News]:
    number, since = version.number, known.since if known is not None else 0.0
    if version.phase is Phase.BUILDING:
        again = " again" if known is not None else ""
        yield News("VersionBuilding", f"version {number} is being built{again}", since)
    elif version.phase is Phase.SERVING:
        was = f" (was {old.serving.number})" if old.serving is not None else ""
        yield News("VersionServing", f"version {number} serves{was}", since)
    elif known is not None and known.phase is Phase.BUILDING:
        yield News("VersionSuperseded", f"version {number} is given up before it served", since)
