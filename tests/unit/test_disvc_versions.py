"""A DistributedInferenceService and its controller, step by step: what there is and what is said."""

import pytest

from meshsplit.controller import resources
from meshsplit.controller.disvc.reconcile import TAKEN_SECONDS
from meshsplit.disvc.decode import to_live_disvc
from meshsplit.kube.port import Resource
from support.disvcs import NAME, make_template
from support.manifests import NAMESPACE, make_namespace, make_object
from support.stepdisvc import INGRESS, ISVC, KEY, ROUTE, RULE, SERVICE, DisvcController, World
from support.store_api import StoreApi


def never(*names: str) -> World:
    """A world in which these InferenceServices do not get ready."""
    return World(ready=lambda name: name not in names)


def test_a_version_takes_over_and_the_one_before_it_drains_first() -> None:
    world = World()
    world.create()
    controller = world.settle()
    world.update("2")
    for _ in range(3):
        world.kserve()
        controller.step()
        world.clock.advance(2.0)
    assert world.phases == {1: "Draining", 2: "Serving"}
    assert world.names(SERVICE) == ["iris", "iris-v1", "iris-v2"]
    assert world.routed == "iris-v2"
    world.settle(controller)
    assert world.phases == {2: "Serving"}
    assert world.names(ISVC) == ["iris-v2-0"]
    assert (world.status["currentVersion"], world.status["prevVersion"]) == (2, 1)
    assert world.told() == [
        "VersionBuilding: version 1 is being built",
        "VersionServing: version 1 serves",
        "VersionBuilding: version 2 is being built",
        "VersionServing: version 2 serves (was 1)",
        "VersionRemoved: version 1 is gone",
    ]


def test_nothing_is_written_while_nothing_changes() -> None:
    world = World()
    world.create(replicas=2)
    world.settle()
    written = len(world.api.writes)
    world.settle()  # another process
    world.edit(inferenceService=make_template())  # the same again
    world.settle()
    assert world.api.writes[written:] == []


def test_a_version_that_does_not_get_ready_never_serves() -> None:
    world = never("iris-v2-0")
    world.create(progressDeadlineSeconds=50)
    world.settle()
    world.update("2")
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Progressing") == ("False", "ProgressDeadlineExceeded")
    assert world.condition("Stalled") == ("True", "ProgressDeadlineExceeded")
    assert world.message("Progressing") == (
        "version 2: 0 of 1 InferenceServices are ready after 50s; version 1 goes on serving"
    )
    assert world.names(ISVC) == ["iris-v1-0", "iris-v2-0"]
    assert world.routed == "iris-v1"
    world.ready = lambda _name: True
    world.settle()
    assert (world.routed, world.phases) == ("iris-v2", {2: "Serving"})


def test_a_change_in_the_middle_of_an_update_supersedes_it() -> None:
    world = never("iris-v2-0", "iris-v3-0")
    world.create()
    world.settle()
    world.update("2")
    world.settle()
    world.update("3")
    world.settle()
    assert world.names(ISVC) == ["iris-v1-0", "iris-v3-0"]
    assert world.phases == {1: "Serving", 3: "Building"}
    world.ready = lambda _name: True
    world.settle()
    assert world.phases == {3: "Serving"}
    assert "VersionSuperseded: version 2 is given up before it served" in world.told()


def test_going_back_before_the_switch_costs_nothing() -> None:
    world = never("iris-v2-0")
    world.create()
    world.settle()
    world.update("2")
    world.settle()
    before = world.user.get(ISVC, "iris-v1-0", NAMESPACE)["metadata"]["uid"]
    world.edit(inferenceService=make_template())
    world.settle()
    assert world.phases == {1: "Serving"}
    assert world.names(ISVC) == ["iris-v1-0"]
    assert world.user.get(ISVC, "iris-v1-0", NAMESPACE)["metadata"]["uid"] == before
    world.ready = lambda _name: True
    world.update("4")
    world.settle()
    assert world.phases == {3: "Serving"}, "a number is given once"


def test_going_back_while_the_old_version_drains_takes_it_up_again() -> None:
    world = World()
    world.create(drainSeconds=300)
    world.patience = 20.0
    world.settle()
    world.update("2")
    world.settle()
    assert world.phases == {1: "Draining", 2: "Serving"}
    world.edit(inferenceService=make_template())
    world.settle()
    assert world.phases == {1: "Serving", 2: "Draining"}
    assert (world.routed, world.status["prevVersion"]) == ("iris-v1", 2)


def test_recreate_removes_the_route_then_the_old_version_and_only_then_builds() -> None:
    world = World()
    world.create(deploymentStrategy={"type": "Recreate"})
    controller = world.settle()
    world.update("2")
    controller.step()
    assert world.names(ROUTE) == []
    assert world.names(ISVC) == ["iris-v1-0"]
    written = len(world.api.writes)
    world.settle(controller)
    order = [each for each in world.api.writes[written:] if " inferenceservices " in each]
    assert order == ["delete inferenceservices iris-v1-0", "patch inferenceservices iris-v2-0"]
    assert (world.routed, world.phases) == ("iris-v2", {2: "Serving"})
    assert (world.status["currentVersion"], world.status["prevVersion"]) == (2, 1)


def test_replicas_come_and_go_in_place() -> None:
    world = World()
    world.create()
    world.settle()
    world.edit(replicas=3)
    world.settle()
    assert world.names(ISVC) == ["iris-v1-0", "iris-v1-1", "iris-v1-2"]
    assert world.names(RULE) == ["iris-v1"]
    assert world.status["lastVersion"] == 1
    world.edit(replicas=1)
    world.settle()
    assert world.names(ISVC) == ["iris-v1-0"]
    assert world.names(RULE) == []
    deleted = [each for each in world.api.writes if each.startswith("delete inferenceservices")]
    assert deleted == ["delete inferenceservices iris-v1-2", "delete inferenceservices iris-v1-1"]


@pytest.mark.parametrize(
    ("rolling", "beside"),
    [
        ({"maxSurge": 4, "maxUnavailable": 0}, (4, 4)),
        ({"maxSurge": "100%"}, (4, 4)),
        ({"maxSurge": 2, "maxUnavailable": 1}, (3, 3)),
        ({"maxSurge": 0, "maxUnavailable": 2}, (2, 2)),
        ({"maxSurge": "25%", "maxUnavailable": "50%"}, (2, 3)),
    ],
    ids=str,
)
def test_surge_and_unavailable_bound_what_is_there(
    rolling: dict[str, int | str], beside: tuple[int, int]
) -> None:
    world = World(ready=lambda name: not name.startswith("iris-v2"))
    world.create(replicas=4, deploymentStrategy={"rollingUpdate": rolling})
    world.settle()
    world.update("2")
    world.settle()
    counts = tuple(sum(n.startswith(f"iris-v{v}") for n in world.names(ISVC)) for v in (1, 2))
    assert counts in (beside, beside[::-1]), counts
    assert world.routed == "iris-v1"
    world.ready = lambda _name: True
    world.settle()
    assert len(world.names(ISVC)) == 4
    assert world.routed == "iris-v2"


def test_an_update_without_room_is_not_begun_and_says_what_to_set() -> None:
    world = World()
    world.create(replicas=3, deploymentStrategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
    world.settle()
    world.update("2")
    world.settle()
    assert world.condition("Progressing") == ("False", "NoRoom")
    assert "set maxSurge to 1" in world.message("Progressing")
    assert world.names(ISVC) == ["iris-v1-0", "iris-v1-1", "iris-v1-2"]
    assert [each for each in world.api.writes if each.startswith("delete inferenceservices")] == []
    world.edit(deploymentStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}})
    world.settle()
    assert world.phases == {2: "Serving"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(ISVC, "iris-v1-0"), (SERVICE, "iris-v1"), (SERVICE, "iris"), (RULE, "iris-v1"), (ROUTE, "iris")],
    ids=str,
)
def test_what_is_deleted_or_edited_by_hand_is_put_right(kind: Resource, name: str) -> None:
    world = World()
    world.create(replicas=2)
    world.settle()
    before = world.objects()
    world.user.delete(kind, name, NAMESPACE)
    world.settle()
    assert world.objects() == before
    world.user.patch(kind, {"metadata": {"labels": {"disvc": None}}}, name, NAMESPACE)
    world.settle()
    assert world.objects() == before
    world.user.patch(kind, {"spec": broken(kind)}, name, NAMESPACE)
    world.settle()
    assert world.objects() == before


def broken(kind: Resource) -> dict[str, object]:
    """Something that changes what an object of the kind does."""
    edits: dict[str, dict[str, object]] = {
        "InferenceService": {"predictor": {"model": {"storageUri": "elsewhere"}}},
        "Service": {"selector": {"more": "than asked"}},
        "DestinationRule": {"host": "elsewhere.svc"},
        "VirtualService": {"hosts": ["elsewhere.org"]},
    }
    return edits[kind.kind]


def test_the_version_that_serves_is_put_right_in_the_middle_of_an_update_too() -> None:
    world = never("iris-v2-0")
    world.create()
    world.settle()
    world.update("2")
    world.settle()
    before = world.objects()
    world.user.delete(ISVC, "iris-v1-0", NAMESPACE)
    world.settle()
    assert world.objects() == before


def test_anothers_object_is_left_alone_and_said() -> None:
    world = World()
    own = make_object("v1", "Service", "iris-v1", NAMESPACE, spec={"ports": [{"port": 1}]})
    world.user.create(SERVICE, own)
    world.create()
    controller = DisvcController(world)
    for _ in range(3):
        world.kserve()
        controller.step()
    assert world.condition("Ready") == ("False", "NameTaken")
    assert world.message("Ready") == "Service iris-v1 exists and was not made by meshsplit"
    assert world.user.get(SERVICE, "iris-v1", NAMESPACE)["spec"]["ports"][0]["port"] == 1
    assert world.names(ROUTE) == []
    world.user.delete(SERVICE, "iris-v1", NAMESPACE)
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_another_exposure_is_there_before_the_first_one_goes() -> None:
    world = World()
    world.create()
    world.settle()
    written = len(world.api.writes)
    world.edit(exposure="Ingress")
    world.settle()
    order = [w for w in world.api.writes[written:] if w.endswith(" iris") and "distributed" not in w]
    assert order == ["patch ingresses iris", "delete virtualservices iris"]
    assert (world.names(INGRESS), world.names(ROUTE)) == (["iris"], [])
    world.update("2")
    world.settle()
    assert (world.routed, world.phases) == ("iris-v2", {2: "Serving"})


def test_a_status_that_was_lost_is_found_again_in_the_objects() -> None:
    world = never("iris-v2-0")
    world.create()
    world.settle()
    world.update("2")
    controller = world.settle()
    before, told = world.objects(), world.told()
    body = world.user.get(resources.DISVCS, NAME, NAMESPACE)
    body["metadata"]["resourceVersion"] = "999999"
    del body["status"]
    controller.cache.disvcs.upsert(KEY, to_live_disvc(body))
    controller.reconcile(NAME)
    assert world.phases == {1: "Serving", 2: "Building"}
    assert (world.objects(), world.told()) == (before, told)


def test_a_spec_that_cannot_be_read_changes_nothing() -> None:
    world = World()
    world.create()
    controller = world.settle()
    before = world.objects()
    body = world.user.get(resources.DISVCS, NAME, NAMESPACE)
    body["spec"]["replicas"] = "many"  # as an older definition of the kind would let through
    body["metadata"]["resourceVersion"] = "999999"
    controller.cache.disvcs.upsert(KEY, to_live_disvc(body))
    assert controller.reconcile(NAME) == 0.0
    assert world.condition("Ready") == ("False", "Invalid")
    assert "spec.replicas is" in world.message("Ready")
    assert world.objects() == before


def test_a_name_of_which_kserve_makes_too_long_a_one_is_refused() -> None:
    world = World()
    kind = resources.DISVCS
    name = "i" * 50
    spec = {"inferenceService": make_template()}
    world.user.create(kind, make_object(kind.api_version, kind.kind, name, NAMESPACE, spec=spec))
    controller = DisvcController(world)
    controller.look()
    controller.reconcile(name)
    status = world.user.get(kind, name, NAMESPACE)["status"]
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    assert (ready["reason"], "want 63 at most" in ready["message"]) == ("Invalid", True)
    assert world.names(ISVC) == []


def test_one_whose_host_is_an_older_ones_waits_until_that_is_gone() -> None:
    world, kind, spec = World(), resources.DISVCS, {"inferenceService": make_template()}
    for name, namespace in ((f"iris-{NAMESPACE}", "west"), ("iris", f"{NAMESPACE}-west")):
        world.user.create(resources.NAMESPACES, make_namespace(namespace))
        world.user.create(kind, make_object(kind.api_version, kind.kind, name, namespace, spec=spec))
        world.clock.advance(1.0)
    controller = DisvcController(world)
    controller.look()
    assert controller.reconcile("iris", f"{NAMESPACE}-west") == TAKEN_SECONDS
    status = world.user.get(kind, "iris", f"{NAMESPACE}-west")["status"]
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    assert (ready["reason"], f"already that of west/iris-{NAMESPACE}" in ready["message"]) == (
        "Invalid",
        True,
    )
    assert world.user.all(ISVC, f"{NAMESPACE}-west") == []
    controller.reconcile(f"iris-{NAMESPACE}", "west")
    assert len(world.user.all(ISVC, "west")) == 1
    world.user.delete(kind, f"iris-{NAMESPACE}", "west")
    controller.look()
    controller.reconcile("iris", f"{NAMESPACE}-west")
    assert len(world.user.all(ISVC, f"{NAMESPACE}-west")) == 1


def test_a_replica_that_answers_goes_only_when_those_that_stay_do() -> None:
    world = World()
    world.create(replicas=2)
    world.settle()
    world.ready = lambda name: name != "iris-v1-0"
    world.edit(replicas=1)
    world.settle()
    assert world.names(ISVC) == ["iris-v1-0", "iris-v1-1"]
    world.ready = lambda _name: True
    world.settle()
    assert world.names(ISVC) == ["iris-v1-0"]


def test_an_edit_between_a_look_and_its_status_is_looked_at_again() -> None:
    world, edits = World(), [3]
    world.create()

    def edit(_verb: str, resource: Resource, _name: str) -> None:
        if resource == resources.DISVCS and edits:
            world.edit(replicas=edits.pop())

    controller = DisvcController(world, StoreApi(world.store, before=edit))
    controller.step()
    assert set(controller.news) == {KEY}
    DisvcController(world).step()
    assert world.names(ISVC) == ["iris-v1-0", "iris-v1-1", "iris-v1-2"]
