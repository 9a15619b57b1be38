"""What a group depends on besides its members: its namespace, its runtime, whether its members are ready."""

from meshsplit.controller import resources
from support.fleet import GATEWAYS, SPLITS
from support.manifests import make_namespace
from support.scene import Scene, running
from support.waiting import eventually


def test_the_mesh_switched_off_takes_the_routes_away_and_on_brings_them_back(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.annotate_namespace(mesh="false")
        eventually(lambda: scene.user.routes(scene.namespace) == {}, "no routes are left")
        scene.says("Ready", "False", "NotExposed")
        assert scene.condition("RoutesAccepted") == ("False", "NotExposed")
        assert scene.condition("Stalled") == ("True", "NotExposed")
        scene.annotate_namespace(mesh="true")
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Steady")
        eventually(lambda: len(scene.user.routes(scene.namespace)) == 3, "the members' own routes are back")


def test_without_a_gateway_nothing_is_exposed(scene: Scene) -> None:
    scene.annotate_namespace(gateway=None)
    scene.pair()
    with running(scene.api):
        scene.says("Ready", "False", "NotExposed")
        assert scene.user.routes(scene.namespace) == {}
        scene.annotate_namespace(gateway=scene.gateway)
        scene.says("Ready", "True", "Steady")


def test_another_gateway_is_followed_in_every_route(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        eventually(lambda: len(scene.user.routes(scene.namespace)) == 3, "the members are exposed")
        elsewhere = f"{scene.gateway}-2"
        scene.annotate_namespace(gateway=elsewhere)

        def bound() -> set[str]:
            return {body["spec"]["gateways"][0] for body in scene.user.routes(scene.namespace).values()}

        eventually(lambda: bound() == {elsewhere}, "all routes are at the other gateway")


def test_a_runtime_that_is_not_exposed_takes_its_models_and_groups_away(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.patch(
            resources.SERVING_RUNTIMES, "triton", {"metadata": {"annotations": {"enable-route": "false"}}}
        )
        eventually(lambda: scene.user.routes(scene.namespace) == {}, "no routes are left")
        scene.says("Ready", "False", "NotExposed")
        scene.patch(
            resources.SERVING_RUNTIMES, "triton", {"metadata": {"annotations": {"enable-route": "true"}}}
        )
        scene.serves("mnist-v1=80,mnist-v2=20")


def test_a_member_that_is_not_ready_gets_no_more_than_it_has(scene: Scene) -> None:
    scene.pair("100", "0")
    scene.user.set_ready("mnist-v2", scene.namespace, ready=False)
    with running(scene.api):
        scene.serves("mnist-v1=100,mnist-v2=0")
        scene.edit("mnist-v1", "40")
        scene.edit("mnist-v2", "60")
        scene.says("Ready", "False", "MemberNotReady")
        assert scene.condition("Reconciling") == ("True", "MemberNotReady")
        assert scene.condition("WeightsValid") == ("True", "SumIs100")
        assert scene.weights() == "mnist-v1=100,mnist-v2=0"
        eventually(lambda: scene.events("MemberNotReady", "mnist-v2"), "the member is told")
        scene.user.set_ready("mnist-v2", scene.namespace, ready=True)
        scene.serves("mnist-v1=40,mnist-v2=60")
        scene.says("Ready", "True", "Steady")
    assert len(scene.events("MemberNotReady", "mnist")) == 1


def test_a_member_that_fails_later_keeps_what_it_has(scene: Scene) -> None:
    scene.pair("50", "50")
    with running(scene.api):
        scene.serves("mnist-v1=50,mnist-v2=50")
        scene.user.set_ready("mnist-v2", scene.namespace, ready=False)
        eventually(lambda: _is_not_ready(scene, "mnist-v2"), "the status says so")
        assert scene.weights() == "mnist-v1=50,mnist-v2=50"


def test_a_gateway_that_does_not_serve_the_host_is_told_until_it_does(scene: Scene) -> None:
    if scene.user.find(resources.NAMESPACES, "istio-system") is None:
        scene.user.create(resources.NAMESPACES, make_namespace("istio-system", {}))
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["elsewhere.example.com"]}
    gateway = {
        "apiVersion": GATEWAYS.api_version,
        "kind": GATEWAYS.kind,
        "metadata": {"name": scene.namespace, "namespace": "istio-system"},
        "spec": {"selector": {"istio": "ingress"}, "servers": [server]},
    }
    scene.user.create(GATEWAYS, gateway)
    scene.annotate_namespace(hosts="{namespace}.example.com")
    scene.pair()
    try:
        with running(scene.api):
            scene.says("RoutesAccepted", "False", "GatewayNotFound")
            spec = {"spec": {"servers": [{**server, "hosts": ["*.example.com"]}]}}
            scene.user.patch(GATEWAYS, spec, scene.namespace, "istio-system")
            scene.says("RoutesAccepted", "True", "Accepted")
    finally:
        scene.user.delete(GATEWAYS, scene.namespace, "istio-system")


def test_a_namespaced_controller_touches_no_other_namespace(scene: Scene, other_namespace: Scene) -> None:
    scene.pair()
    other_namespace.pair()
    with running(scene.api, namespace=scene.namespace) as manager:
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Steady")
        scene.work_again(manager)
        assert manager.cache.keys_in(other_namespace.namespace) == frozenset()
    assert other_namespace.user.routes(other_namespace.namespace) == {}
    assert other_namespace.message("Ready") == ""
    assert other_namespace.events() == []


def _is_not_ready(scene: Scene, member: str) -> bool:
    body = scene.find(SPLITS, "mnist") or {}
    members = (body.get("status") or {}).get("members", [])
    return any(each["name"] == member and each.get("ready") is False for each in members)
