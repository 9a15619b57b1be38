"""One controller and one cluster, step by step, at a clock of the test's own."""

from meshsplit.controller import resources
from meshsplit.controller.fights import FREE_REPAIRS, LONGEST_PAUSE_SECONDS
from meshsplit.controller.reporter import MEND_SECONDS
from meshsplit.controller.transitions import SETTLE_SECONDS
from meshsplit.kube.port import ObjectKey, Resource
from support.fleet import GATEWAYS, SERVICES, SPLITS, VIRTUAL_SERVICES, Body, is_mirror
from support.manifests import (
    GATEWAY,
    MODEL_TAG,
    NAMESPACE,
    PERCENT,
    make_model_split,
    make_namespace,
    make_object,
    make_pair,
    make_service,
)
from support.offline import Scene
from support.stepwise import Controller


def test_a_group_that_lists_only_members_that_are_not_there_keeps_no_route_to_others() -> None:
    scene = Scene().serve(*make_pair())
    assert scene.weights() == "mnist-v1=80,mnist-v2=20"
    listed = {"weightsFrom": "Spec", "members": [{"name": "ghost", "weight": 100}], "modelTag": None}
    scene.user.patch(SPLITS, {"spec": listed}, "mnist", NAMESPACE)
    scene.controller.settle()
    assert scene.weights() is None


def test_a_gateway_that_went_while_no_controller_ran_is_missed_by_every_group_on_it() -> None:
    scene = Scene()
    scene.user.create(resources.NAMESPACES, make_namespace("istio-system", {}))
    for name in ("public", "private"):
        server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
        spec = {"servers": [server]}
        body = make_object(GATEWAYS.api_version, GATEWAYS.kind, name, "istio-system", spec=spec)
        scene.user.create(GATEWAYS, body)
    # By name the routes of the models come first.
    scene.serve(make_service("a-v1", "80"), make_service("a-v2", "20"))
    assert scene.condition("RoutesAccepted") == ("True", "Accepted")
    scene.user.delete(GATEWAYS, "public", "istio-system")
    Controller(scene.api, scene.clock).start().step()
    assert scene.condition("RoutesAccepted") == ("False", "GatewayNotFound")


def test_what_is_wrong_with_a_members_other_group_is_not_said_of_this_one() -> None:
    scene = Scene()
    scene.user.create(SPLITS, make_split("scorer", blue=100))
    scene.serve(make_service("blue", "80", "shades"), make_service("green", "30", "shades"))
    assert scene.condition("WeightsValid", "shades") == ("False", "SumNot100")
    assert scene.condition("WeightsValid", "scorer") == ("True", "SumIs100")
    scene.user.patch(SERVICES, {"metadata": {"annotations": {PERCENT: "x"}}}, "blue", NAMESPACE)
    scene.controller.settle()
    assert scene.condition("WeightsValid", "shades") == ("False", "NotAPercentage")
    assert scene.condition("WeightsValid", "scorer") == ("True", "SumIs100")
    assert scene.condition("Ready", "scorer") == ("True", "Steady")


def test_a_contradiction_with_another_modelsplit_is_not_said_of_this_one() -> None:
    scene = Scene()
    scene.user.create(SPLITS, make_split("first", blue=100))
    scene.user.create(SPLITS, make_split("second", blue=60, green=40))
    scene.serve(make_service("blue", "100", None), make_service("green", None, None))
    assert scene.condition("WeightsValid", "second") == ("False", "WeightsDiffer")
    assert scene.condition("WeightsValid", "first") == ("True", "SumIs100")


def make_split(name: str, **weights: int) -> Body:
    listed = [{"name": member, "weight": weight} for member, weight in weights.items()]
    return make_model_split(name, weightsFrom="Spec", members=listed)


def test_the_earliest_of_two_delays_counts() -> None:
    scene = Scene().serve(*make_pair())
    forged = {"spec": {"exportTo": ["nowhere"], "http": []}}
    for _ in range(FREE_REPAIRS + 5):  # the next repair waits for more than ten seconds
        scene.clock.advance(LONGEST_PAUSE_SECONDS)
        scene.user.patch(VIRTUAL_SERVICES, forged, "mnist-splitting", NAMESPACE)
        scene.controller.step()
    scene.user.patch(VIRTUAL_SERVICES, forged, "mnist-splitting", NAMESPACE)
    scene.user.patch(SERVICES, {"metadata": {"annotations": {PERCENT: "90"}}}, "mnist-v1", NAMESPACE)
    scene.controller.step()
    scene.clock.advance(MEND_SECONDS)
    scene.controller.step()
    assert scene.condition("WeightsValid") == ("False", "SumNot100")
    assert scene.told("WeightsInvalid") == 0
    scene.clock.advance(SETTLE_SECONDS)
    scene.controller.step()
    assert scene.told("WeightsInvalid") == 3, "the group, and both members"


def test_of_two_edits_that_are_one_change_the_first_is_not_told() -> None:
    scene = Scene().serve(*make_pair())
    scene.api.writes.clear()
    for member, percent in (("mnist-v1", "90"), ("mnist-v2", "10")):
        edit = {"metadata": {"annotations": {PERCENT: percent}}}
        scene.user.patch(SERVICES, edit, member, NAMESPACE)
        scene.controller.step()
    assert scene.weights() == "mnist-v1=90,mnist-v2=10"
    written = [write.split()[1] for write in scene.api.writes]
    assert written == ["virtualservices", "events", "modelsplits"]


def test_weights_that_stay_wrong_are_told_though_they_are_edited_again_and_again() -> None:
    scene = Scene().serve(*make_pair())
    for percent in range(30, 60):
        edit = {"metadata": {"annotations": {PERCENT: f"{percent + 1}"}}}
        scene.user.patch(SERVICES, edit, "mnist-v1", NAMESPACE)
        scene.controller.step()
        scene.clock.advance(MEND_SECONDS / 10)
    assert scene.condition("WeightsValid") == ("False", "SumNot100")


def test_a_status_lists_everybody_who_serves_also_who_is_no_member_any_more() -> None:
    scene = Scene().serve(*make_pair())
    unreadable = {"metadata": {"annotations": {GATEWAY: "no gateway"}}}
    scene.user.patch(resources.NAMESPACES, unreadable, NAMESPACE)
    listed = {"modelTag": None, "weightsFrom": "Spec", "members": [{"name": "mnist-v1", "weight": 100}]}
    scene.user.patch(SPLITS, {"spec": listed}, "mnist", NAMESPACE)
    scene.controller.settle()
    assert scene.weights() == "mnist-v1=80,mnist-v2=20", "nothing changes that cannot be understood"
    members = scene.user.get(SPLITS, "mnist", NAMESPACE)["status"]["members"]
    assert [(member["name"], member["weight"]) for member in members] == [("mnist-v1", 80), ("mnist-v2", 20)]
    # What the status says must be enough to go on from when the VirtualService is lost.
    scene.user.delete(VIRTUAL_SERVICES, "mnist-splitting", NAMESPACE)
    scene.controller.settle()
    scene.user.patch(resources.NAMESPACES, make_namespace(), NAMESPACE)
    scene.controller.settle()
    assert scene.weights() == "mnist-v1=100"


def test_what_a_user_asks_for_while_a_status_is_written_is_not_missed() -> None:
    scene = Scene()
    for name in ("blue", "green"):
        scene.user.create(SERVICES, make_service(name, None, None))
    scene.user.create(SPLITS, make_split("scorer", blue=100, green=0))
    flipped = {"spec": {"members": [{"name": "blue", "weight": 0}, {"name": "green", "weight": 100}]}}

    def edit_first(verb: str, resource: Resource, name: str) -> None:
        if resource.plural == SPLITS.plural and flipped["spec"]:
            spec, flipped["spec"] = flipped["spec"], {}
            scene.user.patch(SPLITS, {"spec": spec}, name, NAMESPACE)

    scene.api.before = edit_first
    scene.controller.start().work()
    # The watch is late: all that the controller has is the answer to its own write.
    assert scene.weights("scorer") == "blue=0,green=100"
    status = scene.user.get(SPLITS, "scorer", NAMESPACE)
    assert status["status"]["observedGeneration"] == status["metadata"]["generation"]


def test_a_mirror_that_a_user_takes_over_as_it_is_about_to_go_is_the_users() -> None:
    scene = Scene().serve(*make_pair())
    for name in ("mnist-v1", "mnist-v2"):
        scene.user.patch(SERVICES, {"metadata": {"labels": {MODEL_TAG: None}}}, name, NAMESPACE)
    own = {"spec": {"modelTag": "mnist", "routing": {"timeout": "7s"}}}

    def take_over(verb: str, resource: Resource, name: str) -> None:
        if (verb, resource.plural) == ("delete", SPLITS.plural):
            scene.user.patch(SPLITS, own, name, NAMESPACE)

    scene.api.before = take_over
    scene.controller.settle()
    split = scene.user.get(SPLITS, "mnist", NAMESPACE)
    assert split["spec"]["routing"]["timeout"] == "7s"
    assert not is_mirror(split)


def test_what_another_makes_of_the_name_of_a_route_that_goes_stays_known() -> None:
    scene = Scene().serve(*make_pair())
    for name in ("mnist-v1", "mnist-v2"):
        scene.user.patch(SERVICES, {"metadata": {"labels": {MODEL_TAG: None}}}, name, NAMESPACE)
    scene.controller.look()
    made: list[Body] = []

    def make_another() -> None:
        """Seen by the watch before the controller has the answer to its deletion."""
        if scene.api.writes[-1] == "delete virtualservices mnist-splitting" and not made:
            spec = {"hosts": ["*"], "http": [{"route": [{"destination": {"host": "other"}}]}]}
            kind = (VIRTUAL_SERVICES.api_version, VIRTUAL_SERVICES.kind)
            body = make_object(*kind, "mnist-splitting", NAMESPACE, spec=spec)
            made.append(scene.user.create(VIRTUAL_SERVICES, body))
            scene.controller.hear(VIRTUAL_SERVICES, made[-1])

    scene.api.after = make_another
    scene.controller.work()
    known = scene.controller.cache.routes.get(ObjectKey(NAMESPACE, "mnist-splitting"))
    assert known is not None
    assert known.foreign == made[0]


def test_a_modelsplit_that_a_user_makes_as_the_mirror_is_made_is_the_users() -> None:
    scene = Scene()
    for body in make_pair():
        scene.user.create(SERVICES, body)

    def make_first(verb: str, resource: Resource, name: str) -> None:
        if resource.plural == SPLITS.plural and scene.user.find(SPLITS, name, NAMESPACE) is None:
            scene.user.create(SPLITS, make_model_split("mnist", modelTag="mnist", routing={"timeout": "7s"}))

    scene.api.before = make_first
    scene.controller.start().work()
    # The watch is late: all that the controller has is the answer to its own write.
    split = scene.user.get(SPLITS, "mnist", NAMESPACE)
    assert split["spec"]["routing"]["timeout"] == "7s"
    assert not is_mirror(split)
