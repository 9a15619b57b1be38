from typing import Any

import pytest

from meshsplit.affinity import BucketAffinity, BucketCookie
from meshsplit.diagnostics import ObjectRef
from meshsplit.model import (
    Endpoint,
    GroupKey,
    Owner,
    Protocol,
    RestStrategy,
    Retries,
    RoutingMode,
    Settings,
    Split,
    Strategy,
)
from support.manifests import (
    MESH,
    MODEL_TAG,
    Body,
    codes,
    group_of,
    make_model_split,
    make_namespace,
    make_pair,
    make_runtime,
    make_service,
    only,
    understand,
    understand_in_mesh,
)

DELETED: Body = {"deletionTimestamp": "2026-03-01T00:00:00Z"}
SERVED: Body = {"model": {"args": ["--model_name=mnist"]}}


def spec_members(**weights: int) -> list[Body]:
    return [{"name": name.replace("_", "-"), "weight": weight} for name, weight in weights.items()]


class TestMembers:
    def test_members_carry_the_tag_and_are_sorted(self) -> None:
        world = understand_in_mesh(*reversed(make_pair()), make_service("other", tag=None))
        assert [member.name for member in group_of(world).members] == ["mnist-v1", "mnist-v2"]
        assert [model.name for model in world.models] == ["mnist-v1", "mnist-v2", "other"]

    def test_a_member_that_is_being_deleted_is_none_and_has_no_route(self) -> None:
        world = understand_in_mesh(make_service("mnist-v1", "100"), make_service("mnist-v2", "0", **DELETED))
        assert [member.name for member in group_of(world).members] == ["mnist-v1"]
        assert [model.name for model in world.models] == ["mnist-v1"]
        assert codes(world) == []

    def test_a_group_without_members_does_not_exist(self) -> None:
        assert understand_in_mesh(make_service("mnist-v1", **DELETED)).groups == ()

    def test_one_tag_in_two_namespaces_is_two_groups(self) -> None:
        world = understand_in_mesh(make_service("a"), make_service("b", namespace="other"))
        assert [group.key for group in world.groups] == [
            GroupKey("models", "mnist"),
            GroupKey("other", "mnist"),
        ]

    def test_a_tag_as_annotation_makes_no_member(self) -> None:
        world = understand_in_mesh(make_service("a", tag=None, annotations={MODEL_TAG: "mnist"}))
        assert world.groups == ()
        assert only(world, "MSP201").path == ("metadata", "annotations", MODEL_TAG)

    def test_a_tag_as_annotation_beside_the_label_is_harmless(self) -> None:
        assert codes(understand_in_mesh(make_service("a", annotations={MODEL_TAG: "other"}))) == []

    def test_an_empty_tag_makes_no_member(self) -> None:
        world = understand_in_mesh(make_service("a", tag=""))
        assert world.groups == ()
        assert codes(world) == ["MSP214"]

    def test_a_member_that_cannot_be_read_holds_its_group(self) -> None:
        world = understand_in_mesh(make_service("mnist-v1", "80"), make_service("mnist-v2", "20", uid=7))
        finding = only(world, "MSP007")
        assert codes(world) == ["MSP007"]
        assert finding.path == ("metadata", "uid")
        group = group_of(world)
        assert (group.refused, group.target, group.withdrawn) == (finding, None, None)

    def test_a_group_of_one_member_that_cannot_be_read_still_exists(self) -> None:
        group = group_of(understand_in_mesh(make_service("mnist-v1", uid=7)))
        assert group.members == ()
        assert group.refused is not None


class TestNames:
    @pytest.mark.parametrize("tag", ["A_b", "Mnist", "a_b", "a b", "a/b", "-a", "a" * 64, "ä", "x."])
    def test_a_tag_that_is_no_object_name_is_refused(self, tag: str) -> None:
        world = understand_in_mesh(make_service("mnist-v1", "80", tag=tag))
        finding = only(world, "MSP214")
        assert codes(world) == ["MSP214"]
        assert group_of(world, tag).refused == finding

    def test_the_fix_is_a_name_that_works(self) -> None:
        assert only(understand_in_mesh(make_service("a", tag="A_b")), "MSP214").fix.endswith("example a-b")

    @pytest.mark.parametrize("tag", ["1e3", "y", "v1.2", "a" * 63])
    def test_names_that_look_odd_and_are_fine(self, tag: str) -> None:
        world = understand_in_mesh(make_service("mnist-v1", tag=tag))
        assert codes(world) == []
        assert group_of(world, tag).refused is None

    def test_a_name_that_makes_its_own_host_too_long_is_refused(self) -> None:
        world = understand_in_mesh(make_service("mnist-v1", tag="a" * 60, mode="Knative"))
        assert "a" * 60 + "-models" not in only(world, "MSP214").message
        assert group_of(world, "a" * 60).refused is not None


class TestRouting:
    def test_modelmesh_members_share_the_settings_host(self) -> None:
        settings = Settings(hosts=("{namespace}.example.com",), rest=RestStrategy.LOOPBACK)
        routing = group_of(understand_in_mesh(*make_pair(), settings=settings)).routing
        assert (routing.hosts, routing.own_host) == (("models.example.com",), False)
        assert routing.gateways == ("istio-system/public",)
        assert routing.rest is RestStrategy.LOOPBACK
        assert routing.loop == settings.loop
        assert routing.protocols == frozenset(Protocol)

    @pytest.mark.parametrize("mode", ["Standard", "Knative"])
    def test_other_members_live_on_a_host_of_their_own(self, mode: str) -> None:
        settings = Settings(domain="ml.example.com")
        pair = make_pair(mode=mode, predictor=SERVED)
        routing = group_of(understand_in_mesh(*pair, settings=settings)).routing
        assert (routing.hosts, routing.own_host) == (("mnist-models.ml.example.com",), True)

    def test_one_other_member_is_enough_for_a_host_of_its_own(self) -> None:
        pair = [make_service("mnist-v1", "80"), make_service("mnist-v2", "20", mode="Knative")]
        world = understand_in_mesh(*pair)
        assert group_of(world).routing.own_host
        assert codes(world) == ["MSP213"]

    def test_a_model_split_names_everything_itself(self) -> None:
        world = understand(
            make_runtime(),
            *make_pair(),
            make_model_split(
                modelTag="mnist",
                routing={
                    "rest": "Weighted",
                    "protocols": ["http"],
                    "hosts": ["{group}.b.com", "a.com"],
                    "gateways": ["z/y", "local"],
                    "loopHost": "gw:8080",
                    "timeout": "30s",
                    "retries": {"attempts": 2, "perTryTimeout": "5s", "retryOn": "503"},
                },
            ),
        )
        group = group_of(world)
        assert codes(world) == []
        assert (group.withdrawn, group.refused) == (None, None)
        routing = group.routing
        assert (routing.hosts, routing.gateways) == (("a.com", "mnist.b.com"), ("local", "z/y"))
        assert (routing.own_host, routing.rest) == (True, RestStrategy.WEIGHTED)
        assert routing.protocols == frozenset({Protocol.HTTP})
        assert routing.loop == Endpoint("gw", 8080)
        assert (routing.timeout, routing.retries) == ("30s", Retries(2, "5s", "503"))

    def test_gateways_alone_need_no_mesh_switch(self) -> None:
        split = make_model_split(modelTag="mnist", routing={"gateways": ["a/b"]})
        for namespace in ([], [make_namespace(annotations={})]):
            world = understand(*namespace, make_runtime(), *make_pair(), split)
            assert codes(world) == []
            assert group_of(world).routing.gateways == ("a/b",)
            assert group_of(world).routing.own_host is False

    def test_hosts_alone_still_need_the_namespaces_gateway(self) -> None:
        split = make_model_split(modelTag="mnist", routing={"hosts": ["a.com"]})
        world = understand(make_namespace(annotations={MESH: "true"}), make_runtime(), *make_pair(), split)
        assert "MSP306" in codes(world)
        assert group_of(world).withdrawn is not None

    def test_a_delegate_has_no_hosts_no_gateways_and_needs_none(self) -> None:
        split = make_model_split(modelTag="mnist", routing={"mode": "Delegate"})
        world = understand(make_runtime(), *make_pair(), split)
        routing = group_of(world).routing
        assert codes(world) == []
        assert (routing.hosts, routing.gateways, routing.mode) == ((), (), RoutingMode.DELEGATE)
        assert group_of(world).withdrawn is None

    def test_a_models_strategy_is_its_groups(self) -> None:
        split = make_model_split(modelTag="mnist", routing={"rest": "Loopback"})
        world = understand_in_mesh(*make_pair(), make_service("alone", tag=None), split)
        assert {model.name: model.routing.rest for model in world.models} == {
            "alone": RestStrategy.SINGLE_HOP,
            "mnist-v1": RestStrategy.LOOPBACK,
            "mnist-v2": RestStrategy.LOOPBACK,
        }

    def test_an_owner_is_an_object_with_a_uid(self) -> None:
        world = understand_in_mesh(
            make_service("mnist-v1", uid="u-1"), make_model_split(modelTag="mnist", metadata={"uid": "u-2"})
        )
        split = Owner("meshsplit.dev/v1alpha1", "ModelSplit", "mnist", "u-2")
        owner = Owner("serving.kserve.io/v1beta1", "InferenceService", "mnist-v1", "u-1")
        assert group_of(world).owners == (split, owner)
        assert group_of(world).source == ObjectRef("ModelSplit", "models", "mnist")
        assert [model.owner for model in world.models] == [owner]
        world = understand_in_mesh(make_service("mnist-v1"))
        assert (group_of(world).owners, group_of(world).source) == ((), None)
        assert [model.owner for model in world.models] == [None]

    def test_a_member_without_the_tag_does_not_own_the_group(self) -> None:
        split = make_model_split(
            weightsFrom="Spec", members=spec_members(mnist_v1=100), metadata={"name": "mnist", "uid": "u-2"}
        )
        world = understand_in_mesh(make_service("mnist-v1", tag=None, uid="u-1"), split)
        assert group_of(world).owners == (Owner("meshsplit.dev/v1alpha1", "ModelSplit", "mnist", "u-2"),)


class TestModelSplits:
    def test_the_group_is_called_after_the_tag_else_after_the_split(self) -> None:
        members = spec_members(mnist_v1=100)
        service = make_service("mnist-v1", tag=None)
        tagged = make_model_split("scorer", weightsFrom="Spec", members=members, modelTag="digits")
        untagged = make_model_split("scorer", weightsFrom="Spec", members=members)
        assert [g.key.name for g in understand_in_mesh(service, tagged).groups] == ["digits"]
        assert [g.key.name for g in understand_in_mesh(service, untagged).groups] == ["scorer"]

    def test_members_of_a_spec_need_no_tag(self) -> None:
        split = make_model_split(weightsFrom="Spec", members=spec_members(mnist_v2=30, mnist_v1=70))
        world = understand_in_mesh(*make_pair(None, None, tag=None), make_service("mnist-v3"), split)
        assert [member.name for member in group_of(world).members] == ["mnist-v1", "mnist-v2"]
        assert group_of(world).target == Split((("mnist-v1", 70), ("mnist-v2", 30)))

    def test_a_listed_member_that_does_not_exist_is_refused(self) -> None:
        split = make_model_split(weightsFrom="Spec", members=spec_members(mnist_v1=80, gone=20))
        for others in ([], [make_service("gone", **DELETED)]):
            world = understand_in_mesh(make_service("mnist-v1", tag=None), *others, split)
            finding = only(world, "MSP108")
            assert finding.path == ("spec", "members", 1, "name")
            group = group_of(world)
            assert (group.refused, group.target) == (finding, None)
            assert [member.name for member in group.members] == ["mnist-v1"]

    def test_a_listed_member_that_cannot_be_read_is_not_called_missing(self) -> None:
        split = make_model_split(weightsFrom="Spec", members=spec_members(mnist_v1=80, mnist_v2=20))
        world = understand_in_mesh(
            make_service("mnist-v1", tag=None), make_service("mnist-v2", tag=None, uid=1), split
        )
        assert codes(world) == ["MSP007"]
        assert group_of(world).refused == only(world, "MSP007")

    def test_a_tag_that_nobody_carries_makes_no_group(self) -> None:
        world = understand_in_mesh(make_model_split(modelTag="mnist"))
        assert world.groups == ()
        assert only(world, "MSP108").path == ("spec", "modelTag")

    def test_a_tag_whose_only_member_cannot_be_read_still_makes_one(self) -> None:
        world = understand_in_mesh(make_service("a", uid=1), make_model_split(modelTag="mnist"))
        assert codes(world) == ["MSP007"]
        assert group_of(world).refused is not None

    @pytest.mark.parametrize(
        ("percent", "same"), [("80", True), ("080", True), ("20", False), ("80%", False)]
    )
    def test_a_weight_in_both_places_must_be_the_same(self, percent: str, same: bool) -> None:
        split = make_model_split(weightsFrom="Spec", members=spec_members(mnist_v1=80, mnist_v2=20))
        world = understand_in_mesh(
            make_service("mnist-v1", percent, tag=None), make_service("mnist-v2", tag=None), split
        )
        assert codes(world) == ([] if same else ["MSP106"])
        assert (group_of(world).refused is None) == same

    def test_an_annotation_of_another_group_says_nothing(self) -> None:
        split = make_model_split(weightsFrom="Spec", members=spec_members(mnist_v1=80, mnist_v2=20))
        world = understand_in_mesh(*make_pair("50", "50", tag="digits"), split)
        assert codes(world) == []

    def test_members_beside_annotations_must_agree_with_them(self) -> None:
        split = make_model_split(modelTag="mnist", members=spec_members(mnist_v1=60, mnist_v2=40))
        world = understand_in_mesh(*make_pair("80", "20"), split)
        assert codes(world) == ["MSP106", "MSP106"]
        assert group_of(world).refused is not None

    def test_a_stable_member_must_be_one(self) -> None:
        split = make_model_split(modelTag="mnist", stableMember="mnist-v1")
        assert group_of(understand_in_mesh(*make_pair(), split)).stable_member == "mnist-v1"
        world = understand_in_mesh(*make_pair(), make_model_split(modelTag="mnist", stableMember="other"))
        assert group_of(world).refused == only(world, "MSP110")

    def test_a_strategy_is_passed_on(self) -> None:
        split = make_model_split(modelTag="mnist", strategy={"blueGreen": {}})
        assert group_of(understand_in_mesh(*make_pair(), split)).strategy is Strategy.BLUE_GREEN
        split = make_model_split(modelTag="mnist", strategy={"canary": {}})
        assert group_of(understand_in_mesh(*make_pair(), split)).strategy is Strategy.CANARY
        assert group_of(understand_in_mesh(*make_pair())).strategy is Strategy.STATIC

    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            ({"header": "x-id"}, BucketAffinity("x-id")),
            ({"cookie": {}}, BucketAffinity(cookie=BucketCookie("meshsplit-mnist", 86_400))),
            ({"cookie": {"name": "c", "maxAge": "0s"}}, BucketAffinity(cookie=BucketCookie("c", 0))),
            ({"cookie": {"maxAge": "1m500ms"}}, BucketAffinity(cookie=BucketCookie("meshsplit-mnist", 61))),
        ],
    )
    def test_what_keeps_a_client_is_passed_on(self, asked: Body, given: BucketAffinity) -> None:
        split = make_model_split("other", modelTag="mnist", sessionAffinity=asked)
        assert group_of(understand_in_mesh(*make_pair(), split)).affinity == given
        assert group_of(understand_in_mesh(*make_pair())).affinity is None

    @pytest.mark.parametrize(
        "spec",
        [{"modelTag": "mnist", "x": 1}, {"modelTag": "mnist", "weightsFrom": 3}, {"weightsFrom": "Spec"}],
    )
    def test_an_invalid_one_holds_its_group_and_nothing_falls_back(self, spec: dict[str, Any]) -> None:
        world = understand_in_mesh(*make_pair(), make_model_split(**spec))
        group = group_of(world)
        assert codes(world) == ["MSP009"]
        assert (group.refused, group.target, group.withdrawn) == (only(world, "MSP009"), None, None)
        assert [member.name for member in group.members] == ["mnist-v1", "mnist-v2"]

    def test_the_members_of_an_invalid_one_are_made_out_as_far_as_possible(self) -> None:
        members = [{"name": "mnist-v1", "weight": "80"}, {"name": 3}, "x", {"name": "gone", "weight": 20}]
        split = make_model_split(weightsFrom="Spec", members=members)
        world = understand(*make_pair(None, None, tag=None), split)
        assert [member.name for member in group_of(world).members] == ["mnist-v1"]
        assert {finding.code for finding in world.findings} == {"MSP009"}

    def test_of_two_for_one_group_the_older_counts(self) -> None:
        older = make_model_split(
            "b", modelTag="mnist", routing={"timeout": "5s"},
            metadata={"creationTimestamp": "2026-01-01T00:00:00Z"},
        )  # fmt: skip
        younger = make_model_split("a", modelTag="mnist", routing={"timeout": "9s"})
        world = understand_in_mesh(*make_pair(), older, younger)
        assert group_of(world).routing.timeout == "5s"
        assert only(world, "MSP204").object == ObjectRef("ModelSplit", "models", "a")

    def test_an_older_invalid_one_is_not_replaced_by_a_younger_one(self) -> None:
        older = make_model_split(
            "b", modelTag="mnist", x=1, metadata={"creationTimestamp": "2026-01-01T00:00:00Z"}
        )
        world = understand_in_mesh(*make_pair(), older, make_model_split("a", modelTag="mnist"))
        assert codes(world) == ["MSP009", "MSP204"]
        assert group_of(world).refused == only(world, "MSP009")


class TestRemarks:
    def test_different_formats_and_protocols_are_two_notes(self) -> None:
        world = understand_in_mesh(
            make_service("mnist-v1", "80", mode="Knative", predictor={"model": {
                "modelFormat": {"name": "onnx"}, "protocolVersion": "v1", "args": ["--model_name=m"]}}),
            make_service("mnist-v2", "20", mode="Knative", predictor={"model": {
                "modelFormat": {"name": "sklearn"}, "protocolVersion": "v2", "args": ["--model_name=m"]}}),
        )  # fmt: skip
        assert codes(world) == ["MSP205", "MSP205"]
        assert {finding.path for finding in world.findings} == {
            ("spec", "predictor", "model", "modelFormat"),
            ("spec", "predictor", "model", "protocolVersion"),
        }

    def test_members_that_share_a_served_name_are_fine_on_their_own_host(self) -> None:
        assert codes(understand_in_mesh(*make_pair(mode="Knative", predictor=SERVED))) == []
        assert codes(understand_in_mesh(*make_pair(mode="Knative"))) == ["MSP207"]

    def test_editing_an_annotation_restarts_a_standard_member(self) -> None:
        world = understand_in_mesh(*make_pair(mode="Standard", predictor=SERVED))
        assert codes(world) == ["MSP701", "MSP701"]
        split = make_model_split(weightsFrom="Spec", members=spec_members(mnist_v1=80, mnist_v2=20))
        assert codes(understand_in_mesh(*make_pair(mode="Standard", predictor=SERVED), split)) == []

    def test_a_canary_of_kserves_own(self) -> None:
        canary = {"canary": [{"trafficPercent": 10, "predictor": {}}]}
        assert codes(understand_in_mesh(make_service("a", mode="Knative", spec=canary))) == ["MSP702"]
        assert codes(understand_in_mesh(make_service("a", tag=None, mode="Knative", spec=canary))) == []
        assert codes(understand_in_mesh(make_service("a", mode="Knative", spec={"canary": []}))) == []

    def test_a_percentage_of_a_revision_beside_that_of_a_member(self) -> None:
        predictor = {"canaryTrafficPercent": 10}
        both = make_service("a", "100", mode="Knative", predictor=predictor)
        assert codes(understand_in_mesh(both)) == ["MSP704"]
        assert codes(understand_in_mesh(make_service("a", mode="Knative", predictor=predictor))) == []
