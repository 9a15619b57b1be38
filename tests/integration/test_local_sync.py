"""A folder's documents in the embedded cluster: what is applied, what is left alone, what goes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshsplit.local.cluster import Cluster
from meshsplit.local.sync import FolderSync
from support.cluster import KSERVE, NAMESPACE, document, get, isvc

PERCENT = "serving.kserve.io/canaryTrafficPercent"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    running = Cluster.start()
    yield running
    running.stop()


def config(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def namespace(**labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def annotate(cluster: Cluster, name: str, **annotations: str | None) -> None:
    resource = cluster.resource(KSERVE, "InferenceService")
    patch = {"metadata": {"annotations": annotations}}
    cluster.merge(resource, NAMESPACE, name, patch, "kubectl-annotate")


def annotations_of(cluster: Cluster, name: str) -> dict[str, str]:
    found = get(cluster, KSERVE, "InferenceService", name)
    assert found is not None
    annotations: dict[str, str] = found["metadata"]["annotations"]
    return annotations


def test_objects_come_with_their_namespace_and_go_without_it(cluster: Cluster) -> None:
    sync = FolderSync(cluster)
    assert sync.apply([document(isvc("one")), document(config("a", x="1"))]) == ()
    assert get(cluster, KSERVE, "InferenceService", "one") is not None
    assert get(cluster, "v1", "ConfigMap", "a") is not None
    sync.apply([document(isvc("one"))])
    assert get(cluster, "v1", "ConfigMap", "a") is None
    sync.apply([])
    assert get(cluster, KSERVE, "InferenceService", "one") is None
    assert get(cluster, "v1", "Namespace", NAMESPACE) is not None


def test_what_others_wrote_survives_an_edit_of_other_fields(cluster: Cluster) -> None:
    sync = FolderSync(cluster)
    sync.apply([document(isvc("one", **{PERCENT: "80"}))])
    annotate(cluster, "one", team="vision")
    sync.apply([document(isvc("one", **{PERCENT: "60"}))])
    assert annotations_of(cluster, "one")[PERCENT] == "60"
    assert annotations_of(cluster, "one")["team"] == "vision"


def test_a_document_that_did_not_change_is_left_alone(cluster: Cluster) -> None:
    sync = FolderSync(cluster)
    one, two = document(isvc("one", **{PERCENT: "80"})), document(isvc("two"))
    sync.apply([one, two])
    annotate(cluster, "one", **{PERCENT: "50"})
    cluster.delete(cluster.resource(KSERVE, "InferenceService"), NAMESPACE, "two")
    sync.apply([one, two, document(config("a"))])
    assert annotations_of(cluster, "one")[PERCENT] == "50"
    assert get(cluster, KSERVE, "InferenceService", "two") is None


def test_a_document_that_changed_wins(cluster: Cluster) -> None:
    sync = FolderSync(cluster)
    sync.apply([document(isvc("one", **{PERCENT: "80"}))])
    annotate(cluster, "one", **{PERCENT: "50"})
    sync.apply([document(isvc("one", **{PERCENT: "70"}))])
    assert annotations_of(cluster, "one")[PERCENT] == "70"


def test_the_next_process_knows_what_was_applied(tmp_path: Path) -> None:
    state = tmp_path / "state"
    one = document(isvc("one", **{PERCENT: "80"}))
    first = Cluster.start(state)
    FolderSync(first).apply([one, document(config("a"))])
    annotate(first, "one", **{PERCENT: "50"})
    first.apply(config("of-somebody"), "kubectl")
    first.stop()
    second = Cluster.start(state)
    FolderSync(second).apply([one])
    assert annotations_of(second, "one")[PERCENT] == "50"
    assert get(second, "v1", "ConfigMap", "a") is None
    assert get(second, "v1", "ConfigMap", "of-somebody") is not None
    second.stop()


def test_a_copied_mark_makes_no_object_the_folders(cluster: Cluster) -> None:
    FolderSync(cluster).apply([document(config("a"))])
    original = get(cluster, "v1", "ConfigMap", "a")
    assert original is not None
    copied = config("b")
    copied["metadata"]["annotations"] = dict(original["metadata"]["annotations"])
    cluster.apply(copied, "kubectl")
    FolderSync(cluster).apply([])
    assert get(cluster, "v1", "ConfigMap", "a") is None
    assert get(cluster, "v1", "ConfigMap", "b") is not None


def test_a_namespace_loses_what_its_document_set_and_nothing_in_it(cluster: Cluster) -> None:
    sync = FolderSync(cluster)
    sync.apply([document(namespace(mesh="on")), document(isvc("one"))])
    cluster.apply(config("of-somebody"), "kubectl")
    sync.apply([document(isvc("one"))])
    found = get(cluster, "v1", "Namespace", NAMESPACE)
    assert found is not None
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": NAMESPACE}
    assert get(cluster, "v1", "ConfigMap", "of-somebody") is not None
    assert get(cluster, KSERVE, "InferenceService", "one") is not None


def test_an_exported_object_is_taken_without_what_its_server_set(cluster: Cluster) -> None:
    exported = isvc("one")
    exported["metadata"] |= {"uid": "elsewhere", "resourceVersion": "7", "managedFields": [{"manager": "x"}]}
    exported["status"] = {"conditions": [{"type": "Ready", "status": "False"}]}
    assert FolderSync(cluster).apply([document(exported)]) == ()
    found = get(cluster, KSERVE, "InferenceService", "one")
    assert found is not None
    assert found["metadata"]["uid"] != "elsewhere"
    assert "status" not in found


def test_a_refusal_is_a_value_and_the_rest_is_applied(cluster: Cluster) -> None:
    sync = FolderSync(cluster)
    bad = document(isvc("Not-A-Name"), "bad.yaml")
    (refusal,) = sync.apply([bad, document(isvc("one"))])
    assert refusal.document is bad
    assert "Not-A-Name" in refusal.message
    assert get(cluster, KSERVE, "InferenceService", "one") is not None
    assert len(sync.apply([bad, document(isvc("one"))])) == 1


def test_objects_that_no_cluster_could_hold_are_refused_one_by_one(cluster: Cluster) -> None:
    homeless, misshapen = config("a"), config("b")
    homeless["metadata"]["namespace"] = "Not_A_Namespace"
    misshapen["metadata"]["annotations"] = ["a", "list"]
    refusals = FolderSync(cluster).apply([document(homeless), document(misshapen), document(config("c"))])
    assert [refusal.document.ref.name for refusal in refusals] == ["a", "b"]
    assert get(cluster, "v1", "ConfigMap", "c") is not None


def test_kinds_that_are_not_served_and_definitions_of_kinds_are_passed_over(cluster: Cluster) -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}
    name = "inferenceservices.serving.kserve.io"
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "labels": {"from": "folder"}},
    }
    sync = FolderSync(cluster)
    assert sync.apply([document(deployment), document(crd)]) == ()
    sync.apply([])
    found = get(cluster, "apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
    assert found is not None
    assert "labels" not in found["metadata"]
