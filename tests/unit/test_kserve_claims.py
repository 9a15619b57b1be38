from typing import Any

import pytest

from meshsplit.diagnostics import ObjectRef, Severity, severity_of
from meshsplit.model import Group, Model, Protocol, Settings, World
from support.manifests import (
    Body,
    codes,
    group_of,
    make_model_split,
    make_namespace,
    make_runtime,
    make_service,
    only,
    understand,
    understand_in_mesh,
)

OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
GATEWAY = "service-mesh.opendatahub.io/public-gateway-name"


def meet(*bodies: Body, settings: Settings | None = None) -> World:
    """Two namespaces, east and west, on one gateway."""
    spaces = [make_namespace("east"), make_namespace("west")]
    runtimes = [make_runtime(namespace="east"), make_runtime(namespace="west")]
    return understand(*spaces, *runtimes, *bodies, settings=settings)


def service(name: str, namespace: str, created: str | None = None, **fields: Any) -> Body:
    return make_service(name, namespace=namespace, creationTimestamp=created, **fields)


def speaks_grpc(claimant: Group | Model) -> bool:
    if isinstance(claimant, Model):
        return claimant.grpc is not None
    return Protocol.GRPC in claimant.routing.protocols


def model_of(world: World, name: str, namespace: str) -> Model:
    return next(model for model in world.models if (model.name, model.namespace) == (name, namespace))


class TestNamesInOneNamespace:
    def test_a_tag_that_is_a_service_is_refused_whoever_is_older(self) -> None:
        for created in (OLD, NEW, None):
            world = understand_in_mesh(
                make_service("mnist", tag=None, creationTimestamp=created),
                make_service("mnist-v1", creationTimestamp=OLD),
            )
            finding = only(world, "MSP203")
            assert codes(world) == ["MSP203"]
            assert group_of(world).refused == finding
            assert finding.fix == 'rename the tag, for example "mnist-group"'
            assert [model.name for model in world.models] == ["mnist", "mnist-v1"]

    def test_a_service_of_the_name_that_is_being_deleted_does_not_matter(self) -> None:
        gone = make_service("mnist", tag=None, deletionTimestamp=NEW)
        assert codes(understand_in_mesh(gone, make_service("mnist-v1"))) == []

    def test_the_finding_is_at_the_model_split_when_that_names_the_group(self) -> None:
        world = understand_in_mesh(
            make_service("mnist", tag=None), make_service("mnist-v1"), make_model_split(modelTag="mnist")
        )
        assert only(world, "MSP203").object == ObjectRef("ModelSplit", "models", "mnist")

    @pytest.mark.parametrize(
        ("group_age", "service_age", "loser"),
        [
            (OLD, NEW, "mnist-splitting"),
            (NEW, OLD, "mnist-v1"),
            (None, None, "mnist-splitting"),
            (OLD, None, "mnist-splitting"),
            (None, OLD, "mnist-v1"),
        ],
    )
    def test_the_younger_loses_the_virtual_services_name(
        self, group_age: str | None, service_age: str | None, loser: str
    ) -> None:
        world = understand_in_mesh(
            make_service("mnist-v1", creationTimestamp=group_age),
            make_service("mnist-splitting", tag=None, creationTimestamp=service_age),
        )
        finding = only(world, "MSP212")
        assert codes(world) == ["MSP212"]
        assert finding.object == ObjectRef("InferenceService", "models", loser)
        group_lost = loser == "mnist-v1"
        assert group_of(world).refused == (finding if group_lost else None)
        names = [model.name for model in world.models]
        assert names == (["mnist-splitting", "mnist-v1"] if group_lost else ["mnist-v1"])

    def test_a_model_split_added_later_does_not_make_a_group_younger(self) -> None:
        world = understand_in_mesh(
            make_service("mnist-v1", creationTimestamp=OLD),
            make_service("mnist-splitting", tag=None, creationTimestamp="2026-01-15T00:00:00Z"),
            make_model_split(modelTag="mnist", metadata={"creationTimestamp": NEW}),
        )
        assert only(world, "MSP212").object == ObjectRef("InferenceService", "models", "mnist-splitting")


class TestNamesInTwoNamespaces:
    @pytest.mark.parametrize(
        ("east", "west", "younger"),
        [
            (OLD, NEW, "west"),
            (NEW, OLD, "east"),
            (None, OLD, "east"),
            (None, None, "west"),
            (OLD, OLD, "west"),
        ],
    )
    def test_the_younger_group_keeps_rest_and_loses_grpc(
        self, east: str | None, west: str | None, younger: str
    ) -> None:
        world = meet(service("a", "east", east), service("b", "west", west))
        assert codes(world) == ["MSP202", "MSP211"]
        assert severity_of(only(world, "MSP202")) is Severity.WARNING
        for group in world.groups:
            assert group.refused is None
            assert speaks_grpc(group) == (group.key.namespace != younger)
            assert Protocol.HTTP in group.routing.protocols

    def test_groups_on_two_gateways_keep_theirs(self) -> None:
        other = {"opendatahub.io/service-mesh": "true", GATEWAY: "istio-system/other"}
        world = understand(
            make_namespace("east"), make_namespace("west", other),
            make_runtime(namespace="east"), make_runtime(namespace="west"),
            service("a", "east"), service("b", "west"),
        )  # fmt: skip
        assert codes(world) == ["MSP202"]
        assert all(map(speaks_grpc, world.groups))

    def test_groups_on_two_hosts_keep_theirs(self) -> None:
        settings = Settings(hosts=("{namespace}.example.com",))
        world = meet(service("a", "east"), service("b", "west"), settings=settings)
        assert codes(world) == ["MSP202"]

    def test_a_group_that_does_not_offer_grpc_takes_no_key(self) -> None:
        split = make_model_split(namespace="east", modelTag="mnist", routing={"protocols": ["http"]})
        world = meet(service("a", "east", OLD), service("b", "west", NEW), split)
        assert codes(world) == ["MSP202"]
        assert speaks_grpc(group_of(world, namespace="west"))

    def test_a_withdrawn_group_takes_no_key(self) -> None:
        world = understand(
            make_namespace("east", {}), make_namespace("west"), make_runtime(namespace="east"),
            make_runtime(namespace="west"), service("a", "east", OLD), service("b", "west", NEW),
        )  # fmt: skip
        assert codes(world) == ["MSP202", "MSP305"]
        assert speaks_grpc(group_of(world, namespace="west"))

    def test_a_gateway_without_a_namespace_is_that_of_the_group(self) -> None:
        routing = {"gateways": ["public"]}
        world = meet(
            service("a", "east"), service("b", "west"),
            make_model_split(namespace="east", modelTag="mnist", routing=routing),
            make_model_split(namespace="west", modelTag="mnist", routing=routing),
        )  # fmt: skip
        assert codes(world) == ["MSP202"]

    def test_a_model_and_a_model(self) -> None:
        world = meet(service("x", "east", NEW, tag=None), service("x", "west", OLD, tag=None))
        assert codes(world) == ["MSP211"]
        assert not speaks_grpc(model_of(world, "x", "east"))
        assert speaks_grpc(model_of(world, "x", "west"))

    def test_a_model_and_a_group(self) -> None:
        world = meet(service("mnist", "east", OLD, tag=None), service("a", "west", NEW))
        assert codes(world) == ["MSP211"]
        assert not speaks_grpc(group_of(world, namespace="west"))
        assert speaks_grpc(model_of(world, "mnist", "east"))

    def test_three_of_one_name_leave_one_with_grpc(self) -> None:
        world = understand(
            make_namespace("mid"), make_runtime(namespace="mid"), make_namespace("east"),
            make_runtime(namespace="east"), make_namespace("west"), make_runtime(namespace="west"),
            service("a", "east"), service("b", "mid"), service("c", "west"),
        )  # fmt: skip
        assert codes(world) == ["MSP202", "MSP202", "MSP211", "MSP211"]
        assert [speaks_grpc(group) for group in world.groups] == [True, False, False]


class TestHostsOfTheirOwn:
    def test_two_groups_on_one_host_are_refused_for_the_younger(self) -> None:
        routing = {"hosts": ["ml.example.com"]}
        world = meet(
            service("a", "east", NEW), service("b", "west", OLD),
            make_model_split(namespace="east", modelTag="mnist", routing=routing),
            make_model_split(namespace="west", modelTag="mnist", routing=routing),
        )  # fmt: skip
        finding = only(world, "MSP204")
        assert group_of(world, namespace="east").refused == finding
        assert group_of(world, namespace="west").refused is None
        assert "host ml.example.com on gateway istio-system/public" in finding.message

    def test_two_templates_that_give_one_host(self) -> None:
        world = understand(
            make_namespace("b-c"), make_namespace("c"),
            make_service("x", tag="a", namespace="b-c", mode="Knative"),
            make_service("y", tag="a-b", namespace="c", mode="Knative"),
        )  # fmt: skip
        finding = only(world, "MSP204")
        assert "a-b-c.example.com" in finding.message
        assert group_of(world, "a-b", "c").refused == finding

    def test_an_older_shared_host_is_not_taken_over(self) -> None:
        world = meet(
            service("a", "east", OLD), service("b", "west", NEW, tag="own"),
            make_model_split("own", namespace="west", modelTag="own", routing={"hosts": ["*"]}),
        )  # fmt: skip
        assert only(world, "MSP204").object == ObjectRef("ModelSplit", "west", "own")
        assert group_of(world, "own", "west").refused is not None
        assert group_of(world, "mnist", "east").refused is None

    def test_a_younger_model_is_hidden_by_a_host_that_is_taken(self) -> None:
        world = meet(
            service("a", "east", NEW, tag=None), service("b", "west", OLD, tag="own", mode="Knative"),
            make_model_split("own", namespace="west", modelTag="own", routing={"hosts": ["*"]}),
        )  # fmt: skip
        assert only(world, "MSP204").object == ObjectRef("InferenceService", "east", "a")
        assert world.models == ()

    def test_hosts_that_only_overlap_are_two_hosts_to_a_gateway(self) -> None:
        world = meet(
            service("a", "east"), service("b", "west", tag="own", mode="Knative"),
            make_model_split("own", namespace="west", modelTag="own", routing={"hosts": ["*.example.com"]}),
        )  # fmt: skip
        assert codes(world) == []
