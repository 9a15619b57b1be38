"""Names, hosts and objects that two want: who keeps them, and what happens once one is gone."""

from meshsplit.istio import names
from support.fleet import SERVICES, SPLITS, VIRTUAL_SERVICES, Body
from support.scene import Scene, running
from support.waiting import eventually

STRANGER = {
    "hosts": ["stranger.example.com"],
    "http": [{"route": [{"destination": {"host": "stranger"}}]}],
}


def test_a_tag_that_is_also_a_models_name_is_refused_as_long_as_it_is(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.add("mnist", None, None)
        scene.says("Ready", "False", "Refused")
        assert "(MSP203)" in scene.message("Ready")
        assert scene.weights() == "mnist-v1=80,mnist-v2=20", "what serves goes on serving"
        scene.edit("mnist-v1", "30")
        scene.edit("mnist-v2", "70")
        scene.remove(SERVICES, "mnist")
        scene.serves("mnist-v1=30,mnist-v2=70")
        scene.says("Ready", "True", "Steady")
    assert len(scene.events("RouteRejected", "mnist")) >= 1


def test_a_model_that_wants_the_name_of_a_groups_virtual_service_waits_for_it(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.next_second()
        scene.add("mnist-splitting", None, None)
        eventually(lambda: scene.events("RouteRejected", "mnist-splitting"), "the younger one is told")
        assert scene.weights() == "mnist-v1=80,mnist-v2=20"
        scene.tag("mnist-v1", None)
        scene.tag("mnist-v2", None)
        eventually(lambda: _model_of(scene.route()) == "mnist-splitting", "the name is the model's now")


def test_an_older_model_keeps_the_name_of_the_virtual_service(scene: Scene) -> None:
    scene.add("mnist-splitting", None, None)
    with running(scene.api):
        eventually(lambda: _model_of(scene.route()) == "mnist-splitting", "the model is exposed")
        scene.next_second()
        scene.pair()
        scene.says("Ready", "False", "Refused")
        assert "(MSP212)" in scene.message("Ready")
        assert _model_of(scene.route()) == "mnist-splitting"
        scene.remove(SERVICES, "mnist-splitting")
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Steady")


def test_of_two_namespaces_the_older_group_keeps_the_grpc_key(scene: Scene, other_namespace: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.next_second()
        other_namespace.add("their-v1", "50")
        other_namespace.add("their-v2", "50")
        other_namespace.serves("their-v1=50,their-v2=50")
        assert _has_grpc(scene.route())
        assert not _has_grpc(other_namespace.route())
        scene.remove(SERVICES, "mnist-v1")
        scene.remove(SERVICES, "mnist-v2")
        eventually(lambda: _has_grpc(other_namespace.route()), "the key is free")


def test_of_two_groups_on_one_own_host_the_older_keeps_it(scene: Scene) -> None:
    hosts = {"routing": {"hosts": [f"shared.{scene.namespace}.example.com"]}}
    for group in ("first", "second"):
        scene.add(f"{group}-v1", "100", group, mode="Standard")
        scene.put(SPLITS, group, {"modelTag": group, **hosts})
        scene.next_second()
    with running(scene.api):
        scene.says("Ready", "True", "Steady", "first")
        scene.says("Ready", "False", "Refused", "second")
        assert "(MSP204)" in scene.message("Ready", "second")
        assert scene.weights("second") is None
        other = {"spec": {"routing": {"hosts": [f"other.{scene.namespace}.example.com"]}}}
        scene.patch(SPLITS, "first", other)
        scene.says("Ready", "True", "Steady", "second")
        scene.serves("second-v1=100", "second")


def test_a_virtual_service_of_somebody_else_is_never_touched(scene: Scene) -> None:
    stranger = scene.put(VIRTUAL_SERVICES, "mnist-splitting", STRANGER)
    scene.pair()
    with running(scene.api):
        scene.says("Ready", "False", "ForeignVirtualService")
        assert scene.condition("RoutesAccepted") == ("False", "ForeignVirtualService")
        eventually(lambda: scene.events("ForeignVirtualService", "mnist"), "an Event says it")
        scene.edit("mnist-v1", "10")
        scene.edit("mnist-v2", "90")
        eventually(lambda: "10 + 90" in scene.message("WeightsValid"), "the edit was seen")
        assert scene.route() == stranger
        scene.remove(VIRTUAL_SERVICES, "mnist-splitting")
        scene.serves("mnist-v1=10,mnist-v2=90")
        scene.says("RoutesAccepted", "True", "Accepted")
    assert len(scene.events("ForeignVirtualService", "mnist")) == 1


def test_one_that_was_handed_over_is_taken_and_keeps_what_its_owner_added(scene: Scene) -> None:
    scene.put(VIRTUAL_SERVICES, "mnist-splitting", {**STRANGER, "exportTo": ["*"]}, labels={"team": "b"})
    scene.pair()
    with running(scene.api):
        scene.says("RoutesAccepted", "False", "ForeignVirtualService")
        scene.patch(VIRTUAL_SERVICES, "mnist-splitting", {"metadata": {"annotations": {names.ADOPT: "true"}}})
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Steady")
        route = scene.route() or {}
        assert route["metadata"]["labels"]["team"] == "b"
        assert route["spec"]["hosts"] == ["*"]


def test_a_foreign_virtual_service_that_comes_before_the_group_in_time_of_routes_is_told(
    scene: Scene,
) -> None:
    shadow = {
        "hosts": ["*"],
        "gateways": [scene.gateway],
        "http": [{"match": [{"uri": {"prefix": "/"}}], "route": [{"destination": {"host": "stranger"}}]}],
    }
    scene.put(VIRTUAL_SERVICES, "a-catch-all", shadow)
    scene.next_second()
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        assert (scene.find(VIRTUAL_SERVICES, "a-catch-all") or {})["spec"] == shadow


def _model_of(route: Body | None) -> str | None:
    labels: dict[str, str] = ((route or {}).get("metadata") or {}).get("labels") or {}
    return labels.get(names.INFERENCESERVICE_NAME)


def _has_grpc(route: Body | None) -> bool:
    routes = (route or {}).get("spec", {}).get("http", [])
    return any(each.get("name") == names.GRPC_ROUTE for each in routes)
