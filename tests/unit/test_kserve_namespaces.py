from typing import Any

import pytest

from meshsplit.diagnostics import ObjectRef
from meshsplit.model import Endpoint, Settings, World
from support.manifests import (
    GATEWAY,
    MESH,
    codes,
    group_of,
    make_model_split,
    make_namespace,
    make_pair,
    make_runtime,
    make_service,
    only,
    understand,
)

FIRST = {"maistra.io/gateway-namespace": "istio-system", "maistra.io/gateway-name": "first"}
SECOND = {"opendatahub.io/service-mesh-gw": "istio-system/second"}
THIRD = {GATEWAY: "istio-system/third"}
LOOP_HOST = "service-mesh.opendatahub.io/public-gateway-host-internal"
NAMESPACE = ObjectRef("Namespace", "", "models")


def see(annotations: dict[str, Any], labels: dict[str, Any] | None = None) -> World:
    return understand(make_namespace(annotations=annotations, labels=labels), make_runtime(), *make_pair())


@pytest.mark.parametrize("value", ["1", "t", "T", "true", "TRUE", "True"])
def test_what_go_reads_as_true_switches_the_mesh_on(value: str) -> None:
    world = see({MESH: value, **SECOND})
    assert codes(world) == []
    assert group_of(world).withdrawn is None


@pytest.mark.parametrize("value", ["yes", "on", "tRUE", "2", "", "false", " true"])
def test_anything_else_is_off(value: str) -> None:
    world = see({MESH: value, **SECOND})
    finding = only(world, "MSP305")
    assert (finding.object, finding.path) == (NAMESPACE, ("metadata", "annotations", MESH))
    assert group_of(world).withdrawn == finding
    assert world.models == ()


@pytest.mark.parametrize(
    ("annotations", "labels", "gateway"),
    [
        (FIRST, {MESH: "true"}, "istio-system/first"),
        ({MESH: "true", **SECOND}, {}, "istio-system/second"),
        ({MESH: "true", **THIRD}, {}, "istio-system/third"),
    ],
)
def test_each_dialect_alone(annotations: dict[str, str], labels: dict[str, str], gateway: str) -> None:
    world = see(annotations, labels)
    assert codes(world) == []
    assert group_of(world).routing.gateways == (gateway,)
    assert {model.routing.gateways for model in world.models} == {(gateway,)}


@pytest.mark.parametrize(
    ("annotations", "labels", "gateway", "winner"),
    [
        ({MESH: "true", **FIRST, **SECOND, **THIRD}, {}, "istio-system/third", "1 and 2 and 3; 3 wins"),
        ({MESH: "true", **FIRST, **SECOND}, {}, "istio-system/second", "1 and 2; 2 wins"),
        ({MESH: "true", **SECOND, **THIRD}, {}, "istio-system/third", "2 and 3; 3 wins"),
        ({MESH: "true", **FIRST}, {}, "istio-system/first", "1 and 2; 2 wins"),
        (THIRD, {MESH: "true"}, "istio-system/third", "1 and 3; 3 wins"),
        ({MESH: "true", **THIRD}, {MESH: "false"}, "istio-system/third", "1 and 3; 3 wins"),
    ],
)
def test_mixed_dialects_are_told_which_one_won(
    annotations: dict[str, str], labels: dict[str, str], gateway: str, winner: str
) -> None:
    world = see(annotations, labels)
    assert codes(world) == ["MSP307"]
    assert winner in only(world, "MSP307").message
    assert group_of(world).routing.gateways == (gateway,)


def test_an_annotation_that_is_off_wins_over_a_label_that_is_on() -> None:
    world = see({MESH: "false", **SECOND}, {MESH: "true"})
    assert codes(world) == ["MSP305", "MSP307"]


@pytest.mark.parametrize(
    ("annotations", "key"),
    [
        ({GATEWAY: "public"}, GATEWAY),
        ({GATEWAY: "a/b/c"}, GATEWAY),
        ({GATEWAY: "A/b"}, GATEWAY),
        ({GATEWAY: ""}, GATEWAY),
        ({"opendatahub.io/service-mesh-gw": "/public"}, "opendatahub.io/service-mesh-gw"),
        ({"maistra.io/gateway-name": "public"}, "maistra.io/gateway-name"),
        ({"maistra.io/gateway-namespace": "istio-system"}, "maistra.io/gateway-namespace"),
        ({**THIRD, LOOP_HOST: "gw:80"}, LOOP_HOST),
        ({**THIRD, LOOP_HOST: "*"}, LOOP_HOST),
        ({**THIRD, "meshsplit.dev/hosts": "a.com,,b.com"}, "meshsplit.dev/hosts"),
        ({**THIRD, "meshsplit.dev/hosts": "{ns}.com"}, "meshsplit.dev/hosts"),
    ],
)
def test_a_malformed_reference_leaves_everything_as_it_is(annotations: dict[str, str], key: str) -> None:
    first = any("maistra" in name for name in annotations)
    world = see(annotations | ({} if first else {MESH: "true"}), {MESH: "true"} if first else {})
    assert codes(world) == ["MSP309"]
    finding = only(world, "MSP309")
    assert (finding.object, finding.path) == (NAMESPACE, ("metadata", "annotations", key))
    assert group_of(world).refused == finding
    assert group_of(world).unreadable
    assert world.models == ()
    assert world.unreadable_models == {(NAMESPACE.name, member.name) for member in group_of(world).members}


def test_no_gateway_is_said_once_for_a_namespace() -> None:
    world = understand(
        make_namespace(annotations={MESH: "true"}),
        make_runtime(),
        *make_pair(),
        make_service("other", tag="another"),
        make_service("alone", tag=None),
    )
    assert codes(world) == ["MSP306"]
    assert {group.withdrawn for group in world.groups} == {only(world, "MSP306")}
    assert world.models == ()


def test_a_mesh_that_is_off_is_said_for_every_group_and_never_for_a_model() -> None:
    world = understand(
        make_namespace(annotations=THIRD),
        make_runtime(),
        *make_pair(),
        make_service("other", tag="another"),
        make_service("alone", tag=None),
    )
    assert codes(world) == ["MSP305", "MSP305"]


def test_a_namespace_nobody_needs_is_silent() -> None:
    assert understand(make_namespace(annotations={MESH: "true"})).findings == ()
    assert understand(make_namespace(annotations={})).findings == ()


def test_a_namespace_that_is_not_there_is_named() -> None:
    world = understand(make_runtime(), *make_pair())
    finding = only(world, "MSP305")
    assert "Namespace object models is not in the input" in finding.message
    assert finding.object == ObjectRef("InferenceService", "models", "mnist-v1")
    assert group_of(world).withdrawn == finding


def test_the_loop_host_is_the_namespaces_else_the_settings() -> None:
    world = see({MESH: "true", **THIRD, LOOP_HOST: "gw.mesh.svc"})
    assert group_of(world).routing.loop == Endpoint("gw.mesh.svc", 80)
    assert {model.routing.loop for model in world.models} == {Endpoint("gw.mesh.svc", 80)}
    assert group_of(see({MESH: "true", **THIRD})).routing.loop == Settings().loop


def test_hosts_of_a_namespace_are_templates() -> None:
    world = see({MESH: "true", **THIRD, "meshsplit.dev/hosts": "{group}.{namespace}.b.com, a.com"})
    assert group_of(world).routing.hosts == ("a.com", "mnist.models.b.com")
    assert [model.routing.hosts for model in world.models] == [
        ("a.com", "mnist-v1.models.b.com"),
        ("a.com", "mnist-v2.models.b.com"),
    ]


def test_a_namespace_that_cannot_be_read_holds_its_groups_instead_of_withdrawing_them() -> None:
    world = understand(make_namespace(annotations={MESH: True}), make_runtime(), *make_pair())
    finding = only(world, "MSP007")
    assert finding.path == ("metadata", "annotations", MESH)
    assert finding.fix == 'quote it: "true"'
    assert codes(world) == ["MSP007"]
    assert (group_of(world).refused, group_of(world).withdrawn) == (finding, None)


def test_a_delegate_does_not_need_a_namespace_that_can_be_read() -> None:
    world = understand(
        make_namespace(annotations={MESH: True}),
        make_runtime(),
        *make_pair(),
        make_model_split(modelTag="mnist", routing={"mode": "Delegate"}),
    )
    assert group_of(world).refused is None
