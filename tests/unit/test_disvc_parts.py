"""Room for two versions, what counts as agreeing, and what makes a new version."""

from typing import Any

import pytest

from meshsplit.api.disvc import DistributedInferenceServiceSpec
from meshsplit.disvc.agreement import agrees, digest_of
from meshsplit.disvc.capacity import to_capacity
from meshsplit.disvc.objects import Child
from meshsplit.disvc.revision import Revision, read_revision, to_revision

TEMPLATE = {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}}


def make_spec(**fields: Any) -> DistributedInferenceServiceSpec:
    return DistributedInferenceServiceSpec.model_validate({"inferenceService": TEMPLATE, **fields})


class TestCapacity:
    @pytest.mark.parametrize(
        ("replicas", "surge", "missing", "numbers"),
        [
            # most, needed, of the next one, of the present one meanwhile
            (1, None, None, (2, 1, 1, 1)),
            (4, None, None, (8, 4, 4, 4)),
            (4, "100%", 0, (8, 4, 4, 4)),
            (4, "25%", "25%", (5, 3, 2, 3)),
            (3, "10%", "50%", (4, 2, 2, 2)),
            (10, "15%", "19%", (12, 9, 3, 9)),
            (4, 9, 0, (13, 4, 4, 4)),
            (4, 0, 9, (4, 0, 4, 0)),
            (4, 0, "100%", (4, 0, 4, 0)),
            (2, 0, 1, (2, 1, 1, 1)),
            (3, 1, 0, (4, 3, 1, 3)),
            (0, None, None, (0, 0, 0, 0)),
            (0, 3, 2, (3, 0, 0, 0)),
        ],
    )
    def test_a_surge_rounds_up_and_the_missing_down(
        self,
        replicas: int,
        surge: int | str | None,
        missing: int | str | None,
        numbers: tuple[int, int, int, int],
    ) -> None:
        rolling = {"maxSurge": surge, "maxUnavailable": missing}
        spec = make_spec(replicas=replicas, deploymentStrategy={"rollingUpdate": rolling})
        found = to_capacity(spec)
        assert (found.most, found.needed, found.next_one, found.meanwhile) == numbers
        assert found.next_one + found.meanwhile <= max(found.most, found.replicas)
        assert found.has_room is (found.next_one >= found.needed)

    def test_without_a_strategy_a_version_is_built_in_full_beside_the_other(self) -> None:
        assert to_capacity(make_spec(replicas=3)) == to_capacity(
            make_spec(replicas=3, deploymentStrategy={"rollingUpdate": {"maxSurge": "100%"}})
        )
        assert to_capacity(make_spec(replicas=3)).has_room

    def test_room_for_too_few_is_no_room(self) -> None:
        assert not to_capacity(
            make_spec(replicas=3, deploymentStrategy={"rollingUpdate": {"maxSurge": 1}})
        ).has_room


def make_body(**fields: Any) -> dict[str, Any]:
    metadata = {
        "labels": {"disvc": "iris"},
        "annotations": {"a": "b"},
        "ownerReferences": [{"uid": "1", "controller": True}],
    }
    spec = {"selector": {"disvc": "iris"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"metadata": {**metadata, **fields}, "spec": {**spec, **fields.pop("spec", {})}}


def make_live(body: dict[str, Any]) -> Child:
    return Child("Service", "ns", "iris", "u", "1", body)


class TestAgreement:
    @pytest.mark.parametrize(
        "more",
        [
            {"labels": {"disvc": "iris", "theirs": "x"}},
            {"annotations": {"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            {"spec": {"clusterIP": "10.0.0.1", "ipFamilies": ["IPv4"]}},
            {"spec": {"ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP", "nodePort": 30000}]}},
            {"ownerReferences": [{"uid": "1", "controller": True, "blockOwnerDeletion": False}]},
        ],
        ids=str,
    )
    def test_what_a_server_adds_changes_nothing(self, more: dict[str, Any]) -> None:
        assert agrees(make_body(), make_live(make_body(**more)))

    @pytest.mark.parametrize(
        "other",
        [
            {"labels": {"disvc": "other"}},
            {"labels": {}},
            {"labels": None},
            {"annotations": {"a": "c"}},
            {"ownerReferences": []},
            {"ownerReferences": [{"uid": "2", "controller": True}]},
            {"ownerReferences": [{"uid": "1", "controller": True}, {"uid": "2"}]},
            {"spec": {"selector": {"disvc": "iris", "app": "x"}}},
            {"spec": {"ports": []}},
            {"spec": {"ports": [{"port": 80, "targetPort": 8081}]}},
            {"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 81}]}},
            {"spec": {"ports": None}},
        ],
        ids=str,
    )
    def test_what_somebody_changed_is_not_agreed_to(self, other: dict[str, Any]) -> None:
        assert not agrees(make_body(), make_live(make_body(**other)))

    def test_a_digest_is_of_what_is_asked_for_and_of_nothing_else(self) -> None:
        body = make_body()
        turned = {"spec": dict(reversed(body["spec"].items())), "metadata": {**body["metadata"], "uid": "7"}}
        assert digest_of(body) == digest_of({**turned, "status": {"ready": True}})
        assert digest_of(body) != digest_of(make_body(annotations={"a": "\ud800"}))
        assert digest_of(body) != digest_of(make_body(spec={"ports": []}))


class TestRevision:
    @pytest.mark.parametrize(
        "same",
        [
            {"replicas": 3},
            {"exposure": "Ingress", "domain": "example.org"},
            {"drainSeconds": 1, "progressDeadlineSeconds": 2},
            {"sessionAffinity": {"sourceIp": True}},
            {"deploymentStrategy": {"type": "Recreate"}},
            {"inferenceService": None, "inferenservice": TEMPLATE},
            {"labels": None, "annotations": {}},
        ],
        ids=str,
    )
    def test_what_no_replica_is_made_from_makes_no_version(self, same: dict[str, Any]) -> None:
        assert to_revision(make_spec(**same)).digest == to_revision(make_spec()).digest

    @pytest.mark.parametrize(
        "other",
        [
            {"labels": {"a": "b"}},
            {"annotations": {"version": "v2"}},
            {"inferenceService": {"predictor": {"model": {"modelFormat": {"name": "onnx"}}}}},
            {"inferenceService": {**TEMPLATE, "transformer": {}}},
        ],
        ids=str,
    )
    def test_what_a_replica_is_made_from_makes_one(self, other: dict[str, Any]) -> None:
        assert to_revision(make_spec(**other)).digest != to_revision(make_spec()).digest

    def test_the_order_of_keys_is_none_of_it(self) -> None:
        model = TEMPLATE["predictor"]["model"]
        turned = [{"a": 1, "model": model}, {"model": model, "a": 1}]
        first, second = (make_spec(inferenceService={"predictor": each}) for each in turned)
        assert to_revision(first) == to_revision(second)

    def test_the_digest_is_what_it_was_in_every_release(self) -> None:
        """Another digest would begin a new version of everything the day the controller is upgraded."""
        assert to_revision(make_spec(annotations={"version": "v1"})).digest == "34e50923dda06a04"

    def test_it_is_read_back_only_as_it_was_kept(self) -> None:
        revision = to_revision(make_spec(labels={"a": "b"}, annotations={"c": "ü"}))
        read = read_revision(revision.text, revision.digest)
        assert read == revision
        assert (read.template, read.labels, read.annotations) == (TEMPLATE, {"a": "b"}, {"c": "ü"})
        assert read_revision(revision.text + " ", revision.digest) is None
        assert read_revision("", revision.digest) is None
        for broken in ("", "[]", "{", "1"):
            assert read_revision(broken, Revision(broken).digest) is None
