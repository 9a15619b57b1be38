"""The objects of every version of a DistributedInferenceService, and which of those there are have to go."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from meshsplit.disvc import names
from meshsplit.disvc.canary import make_delegating_route
from meshsplit.disvc.capacity import Capacity
from meshsplit.disvc.children import (
    Frame,
    find_affinity,
    make_inference_service,
    make_ingress,
    make_route,
    make_rule,
    make_stable_service,
    make_version_service,
)
from meshsplit.disvc.objects import (
    DESTINATION_RULE,
    INGRESS,
    MODEL_SPLIT,
    SERVICE,
    VIRTUAL_SERVICE,
    Body,
    Child,
    Children,
    Disvc,
)
from meshsplit.disvc.revision import Revision, read_revision, to_revision
from meshsplit.disvc.servedname import Served, serve_as
from meshsplit.disvc.versions import Phase, Version, Versions
from meshsplit.kserve.objects import ServingRuntime

IsCurrent = Callable[[Body], bool]
"""Whether the server holds an object as it is to be."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a plan is made of."""

    disvc: Disvc
    frame: Frame
    children: Children
    runtimes: Sequence[ServingRuntime]
    versions: Versions


@dataclass(frozen=True, slots=True)
class Made:
    """One version: what it is made from, how many InferenceServices it wants and has.

    `ready` counts those that are to stay.
    """

    version: Version
    revision: Revision
    served: Served
    wanted: int
    present: int
    ready: int


@dataclass(frozen=True, slots=True)
class Assembly:
    """Makes the objects of each version of one scene."""

    scene: Scene
    capacity: Capacity
    versions: Versions
    in_turn: bool

    def make(self, version: Version) -> Made:
        """What a version is, and how much of it there is."""
        scene = self.scene
        revision = self._find_revision(version)
        replicas = [child for child in scene.children.replicas(version.number) if not child.deleting]
        wanted = self._want(version)
        counted = replicas if version.phase in (Phase.DRAINING, Phase.REMOVING) else replicas[:wanted]
        served = serve_as(scene.disvc.name, revision.template, scene.disvc.namespace, scene.runtimes)
        ready = sum(child.ready is True for child in counted)
        return Made(version, revision, served, wanted, len(replicas), ready)

    def make_objects(self, made: Made) -> Iterator[Body]:
        """What a version is to have: nothing for one that goes, or that another has to make room for."""
        version, frame = made.version, self.scene.frame
        known = bool(made.revision.template)
        if version.phase is Phase.REMOVING or not known or self._must_wait(version):
            return
        affinity = find_affinity(self.scene.disvc.name, self.scene.disvc.spec)
        yield make_version_service(frame, version.number, made.revision, made.served, affinity is not None)
        if affinity is not None:
            yield make_rule(frame, version.number, affinity)
        for index in self._indexes(made):
            yield make_inference_service(frame, version.number, index, made.revision, made.served.template)

    def make_stable(self, made: Sequence[Made]) -> Iterator[Body]:
        """The Service of the name that stays."""
        phases = (Phase.SERVING, Phase.BUILDING, Phase.DRAINING)
        shown = next((each for phase in phases for each in made if each.version.phase is phase), None)
        if shown is not None:
            sticky = find_affinity(self.scene.disvc.name, self.scene.disvc.spec) is not None
            yield make_stable_service(self.scene.frame, shown.revision, shown.served, sticky)

    def make_routes(self, routed: int | None, canary: bool) -> Iterator[Body]:
        """The one route: to a version, or to whatever a ModelSplit says, once that says anything."""
        frame = self.scene.frame
        if routed is None:
            return
        if self.scene.disvc.spec.exposure == INGRESS:
            yield make_ingress(frame, routed)
        elif canary and self.versions.serving is not None and self.scene.children.walk.weights:
            yield make_delegating_route(frame)
        else:
            yield make_route(frame, routed)

    def is_complete(
        self, version: Version | None, made: Sequence[Made], objects: Sequence[Body], is_current: IsCurrent
    ) -> bool:
        """Whether all traffic may go to the version being built: its objects are there, and ready."""
        if version is None or self._must_wait(version):
            return False
        group = names.version_name(self.scene.disvc.name, version.number)
        paths = [body for body in objects if body["metadata"]["name"] == group]
        enough = next(each for each in made if each.version is version)
        return bool(paths) and all(map(is_current, paths)) and enough.ready >= enough.wanted

    def find_deletes(self, made: Sequence[Made], routed: int | None, canary: bool) -> Iterator[Child]:
        """What is not to be there: a route of the other kind first, then what nothing is routed to."""
        split = self.scene.children.get(MODEL_SPLIT, self.scene.disvc.name)
        if split is not None and not canary and not self.scene.children.delegates:
            yield split
        children, spec = self.scene.children, self.scene.disvc.spec
        wanted_kind = INGRESS if spec.exposure == INGRESS else VIRTUAL_SERVICE
        for kind in (VIRTUAL_SERVICE, INGRESS):
            route = children.get(kind, self.scene.disvc.name)
            if route is not None and (kind != wanted_kind or routed is None):
                yield route
        known = {each.version.number: each for each in made}
        for number in sorted(children.versions()):
            each = known.get(number)
            if number in children.routed or number == routed:
                yield from self._find_surplus(each) if each is not None else ()
            elif each is None or each.version.phase is Phase.REMOVING:
                yield from children.of(number)
            else:
                yield from self._find_surplus(each)

    def _find_surplus(self, made: Made) -> Iterator[Child]:
        """A rule without an affinity, and of the replicas that are too many the last one, one at a time.

        One that answers goes only when those that stay do.
        """
        children, disvc = self.scene.children, self.scene.disvc
        rule = children.get(DESTINATION_RULE, names.version_name(disvc.name, made.version.number))
        if rule is not None and find_affinity(disvc.name, disvc.spec) is None:
            yield rule
        replicas = children.replicas(made.version.number)
        leaving = any(child.deleting for child in replicas)
        if len(replicas) <= made.wanted or leaving or made.version.phase is Phase.DRAINING:
            return
        if made.ready >= made.wanted or not replicas[-1].ready:
            yield replicas[-1]

    def _find_revision(self, version: Version) -> Revision:
        """What is asked for, or what the version's Service has kept; empty when that was edited."""
        asked = to_revision(self.scene.disvc.spec)
        if version.revision == asked.digest:
            return asked
        name = names.version_name(self.scene.disvc.name, version.number)
        service = self.scene.children.get(SERVICE, name)
        kept = service.annotations.get(names.REVISION, "") if service is not None else ""
        return read_revision(kept, version.revision) or Revision("{}")

    def _want(self, version: Version) -> int:
        capacity, updating = self.capacity, self.versions.building is not None
        if version.phase is Phase.BUILDING:
            first = self.versions.serving is None and not self.in_turn
            return capacity.replicas if first or self.in_turn else capacity.next_one
        if version.phase is Phase.SERVING:
            makes_room = updating and not self.in_turn and capacity.has_room
            return capacity.meanwhile if makes_room else capacity.replicas
        return 0

    def _must_wait(self, version: Version) -> bool:
        """Whether there is no room for it: in turn, nothing is built while another version has anything."""
        if version.phase is not Phase.BUILDING:
            return False
        if self.in_turn:
            return bool(self.scene.children.versions() - {version.number})
        return self.versions.serving is not None and not self.capacity.has_room

    def _indexes(self, made: Made) -> list[int]:
        """Which replicas are to be there: those that are, and new ones as far as there is room for them.

        A draining version keeps what it has.
        """
        children, disvc = self.scene.children, self.scene.disvc
        number = made.version.number
        present = sorted(
            index
            for child in children.replicas(number)
            if not child.deleting and (index := names.read_index(disvc.name, number, child.name)) is not None
        )
        if made.version.phase is Phase.DRAINING:
            return present
        kept = present[: made.wanted]
        free = self.capacity.most - sum(len(children.replicas(each)) for each in children.versions())
        leaving = {
            names.read_index(disvc.name, number, child.name)
            for child in children.replicas(number)
            if child.deleting
        }
        new = [index for index in range(made.wanted) if index not in present and index not in leaving]
        missing = max(made.wanted - len(kept), 0)
        return sorted([*kept, *new[: max(min(missing, free), 0)]])
