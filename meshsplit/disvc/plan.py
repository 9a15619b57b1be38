"""What to write and what to delete of one DistributedInferenceService at one moment: pure."""

from dataclasses import dataclass

from meshsplit.api.disvc import DeploymentStrategy
from meshsplit.disvc.assembly import Assembly, IsCurrent, Made, Scene
from meshsplit.disvc.canary import CANARY, make_split
from meshsplit.disvc.capacity import Capacity, to_capacity
from meshsplit.disvc.children import find_affinity
from meshsplit.disvc.objects import Body, Child, Children, Disvc, Walk
from meshsplit.disvc.revision import to_revision
from meshsplit.disvc.versions import SOON_SECONDS, Phase, Sight, Version, Versions, advance, find_wake

SETTLE_SECONDS = 1.0
"""How long a version's Service is there before a route names it: istiod debounces for 0.1 s and pushes."""

RECREATE = "Recreate"
_PLAIN = DeploymentStrategy()


@dataclass(frozen=True, slots=True)
class Plan:
    """`objects` are what is to be there, in the order of writing; `deletes` come after them.

    `versions` are to be kept before anything is done. `routed` is the version that the route is to name,
    `wake` the seconds until the next look is due, 0 for never. `walks` is True while requests go over to the
    version being built by evidence.
    """

    versions: Versions
    made: tuple[Made, ...]
    capacity: Capacity
    objects: tuple[Body, ...]
    deletes: tuple[Child, ...]
    routed: int | None
    wake: float
    in_turn: bool
    walks: bool
    walk: Walk

    def of(self, phase: Phase) -> Made | None:
        """The version in that phase."""
        return next((made for made in self.made if made.version.phase is phase), None)


def make_plan(scene: Scene, is_current: IsCurrent, now: float) -> Plan:
    """What is to be done at Unix time `now`."""
    spec, children = scene.disvc.spec, scene.children
    capacity, strategy = to_capacity(spec), spec.deployment_strategy or _PLAIN
    canary = strategy.type == CANARY
    in_turn = strategy.type == RECREATE or (capacity.meanwhile == 0 and capacity.replicas > 0)
    sight = Sight(
        revision=to_revision(spec).digest,
        routed=children.routed,
        present=children.versions(),
        drain_seconds=float(spec.drain_seconds),
        in_turn=in_turn,
        for_good=not children.delegates or children.walk.promoted,
    )
    versions = advance(scene.versions, sight, now)
    assembly = Assembly(scene, capacity, versions, in_turn)
    made = tuple(assembly.make(version) for version in versions.all)
    objects = [body for each in made for body in assembly.make_objects(each)]
    complete = assembly.is_complete(versions.building, made, objects, is_current)
    settled_in = _settles_in(versions.building, now) if complete else 0.0
    complete = complete and not settled_in
    walks = complete and canary and versions.serving is not None
    routed = _choose_routed(versions, complete and not walks, in_turn)
    objects += assembly.make_stable(made)
    if canary and versions.serving is not None:
        following = _find_following(versions, children) if walks else None
        affinity = find_affinity(scene.disvc.name, spec)
        objects.append(make_split(scene.frame, versions.serving.number, following, strategy, affinity))
    objects += assembly.make_routes(routed, canary)
    deadline_in = 0.0 if complete else _deadline_in(versions.building, scene.disvc, now)
    wakes = [find_wake(versions, sight, now), settled_in, deadline_in]
    return Plan(
        versions=versions,
        made=made,
        capacity=capacity,
        objects=tuple(objects),
        deletes=tuple(assembly.find_deletes(made, routed, canary)),
        routed=routed,
        wake=min((wake for wake in wakes if wake > 0.0), default=0.0),
        in_turn=in_turn,
        walks=walks,
        walk=children.walk,
    )


def _find_following(versions: Versions, children: Children) -> int | None:
    """The version to go over to, once the route asks the ModelSplit and nobody else has any requests."""
    known = {version.number for version in (versions.serving, versions.building) if version is not None}
    if versions.building is None or not children.delegates or children.routed - known:
        return None
    return versions.building.number


def _choose_routed(versions: Versions, complete: bool, in_turn: bool) -> int | None:
    building, serving = versions.building, versions.serving
    if building is not None and complete:
        return building.number
    if building is not None and in_turn:
        return None
    return serving.number if serving is not None else None


def _settles_in(building: Version | None, now: float) -> float:
    left = building.since + SETTLE_SECONDS - now if building is not None else 0.0
    return max(left, SOON_SECONDS) if left > 0.0 else 0.0


def _deadline_in(building: Version | None, disvc: Disvc, now: float) -> float:
    left = building.since + disvc.spec.progress_deadline_seconds - now if building is not None else 0.0
    return max(left, 0.0)
