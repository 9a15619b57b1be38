"""Parts of the embedded API server alone: selectors, patches, tables, discovery."""

import datetime
from typing import Any

import pytest

from meshsplit.local.apiserver.discovery import discover
from meshsplit.local.apiserver.patches import json_patch, merge_patch, strategic_merge_patch
from meshsplit.local.apiserver.registry import to_resources
from meshsplit.local.apiserver.selectors import to_field_selector, to_label_selector
from meshsplit.local.apiserver.status import Refused
from meshsplit.local.apiserver.tables import age, read_path, to_table
from support.embedded import START, Cluster
from support.widgets import OPEN_CRD


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("", ["gold", "none", "silver"]),
        ("tier=gold", ["gold"]),
        (" tier == gold ", ["gold"]),
        ("tier!=gold", ["none", "silver"]),
        ("tier in (gold, silver)", ["gold", "silver"]),
        ("tier notin (gold)", ["none", "silver"]),
        ("tier,tier!=gold", ["silver"]),
        ("!tier", ["none"]),
        ("tier=", []),
        ("example.dev/tier", []),
    ],
)
def test_a_label_selector(selector: str, wanted: list[str]) -> None:
    labels: dict[str, dict[str, str]] = {"gold": {"tier": "gold"}, "none": {}, "silver": {"tier": "silver"}}
    matches = to_label_selector(selector)
    assert [name for name, found in labels.items() if matches({"metadata": {"labels": found}})] == wanted


@pytest.mark.parametrize(
    "selector", ["tier in", "tier in (gold", "=gold", "tier=(", "a b", "tier=gold,", "tier>3"]
)
def test_a_label_selector_that_is_none(selector: str) -> None:
    with pytest.raises(Refused) as refused:
        to_label_selector(selector)
    assert refused.value.code == 400


def test_a_field_selector() -> None:
    found = {"metadata": {"name": "a"}, "type": "Normal"}
    supported = ("metadata.name", "type")
    assert to_field_selector("metadata.name=a,type!=Warning", supported)(found)
    assert not to_field_selector("metadata.name==b", supported)(found)
    with pytest.raises(Refused, match=r"spec\.x"):
        to_field_selector("spec.x=1", supported)


def test_a_merge_patch_follows_its_rfc() -> None:
    target = {"a": "b", "c": {"d": "e", "f": "g"}, "l": [1, 2]}
    patch = {"a": "z", "c": {"f": None}, "l": [3], "n": {"x": None, "y": 1}}
    assert merge_patch(target, patch) == {"a": "z", "c": {"d": "e"}, "l": [3], "n": {"y": 1}}
    assert target["a"] == "b"


@pytest.mark.parametrize(
    ("operations", "wanted"),
    [
        ([{"op": "add", "path": "/l/1", "value": 9}], {"l": [1, 9, 2], "m": {"a/b": 1}}),
        ([{"op": "add", "path": "/l/-", "value": 9}], {"l": [1, 2, 9], "m": {"a/b": 1}}),
        ([{"op": "remove", "path": "/l/0"}], {"l": [2], "m": {"a/b": 1}}),
        ([{"op": "replace", "path": "/m/a~1b", "value": 2}], {"l": [1, 2], "m": {"a/b": 2}}),
        ([{"op": "move", "from": "/l/0", "path": "/m/x"}], {"l": [2], "m": {"a/b": 1, "x": 1}}),
        ([{"op": "copy", "from": "/l", "path": "/k"}], {"l": [1, 2], "m": {"a/b": 1}, "k": [1, 2]}),
    ],
)
def test_a_json_patch(operations: list[Any], wanted: Any) -> None:
    assert json_patch({"l": [1, 2], "m": {"a/b": 1}}, operations) == wanted


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/x"},
        {"op": "replace", "path": "/x", "value": 1},
        {"op": "add", "path": "/l/7", "value": 1},
        {"op": "test", "path": "/l/0", "value": 2},
        {"op": "frobnicate", "path": "/l"},
        {"path": "/l"},
    ],
)
def test_a_json_patch_that_cannot_be_applied(operation: Any) -> None:
    with pytest.raises(Refused) as refused:
        json_patch({"l": [1, 2]}, [operation])
    assert refused.value.code == 422


def test_the_ports_of_a_container_merge_by_another_key_than_those_of_a_service() -> None:
    service = {"ports": [{"port": 80, "targetPort": 1}]}
    assert strategic_merge_patch(service, {"ports": [{"port": 80, "targetPort": 2}]}) == {
        "ports": [{"port": 80, "targetPort": 2}]
    }
    container = {"ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 81}]}
    assert strategic_merge_patch(container, {"ports": [{"containerPort": 80, "name": "b"}]}) == {
        "ports": [{"containerPort": 80, "name": "b"}, {"containerPort": 81}]
    }


def test_a_strategic_merge_patch_merges_lists_by_key() -> None:
    target = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81}]}, "data": {"x": "1", "y": "2"}}
    patch = {
        "spec": {
            "$setElementOrder/ports": [{"port": 82}, {"port": 80}],
            "ports": [{"port": 80, "name": "b"}, {"port": 81, "$patch": "delete"}, {"port": 82}],
        },
        "data": {"x": None},
    }
    merged = strategic_merge_patch(target, patch)
    assert merged == {"spec": {"ports": [{"port": 82}, {"port": 80, "name": "b"}]}, "data": {"y": "2"}}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (".spec.size", [3]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".spec.list[1]", ["b"]),
        (".spec.list[*]", ["a", "b"]),
        (r".metadata.labels.example\.dev/tier", ["gold"]),
        (".metadata.labels['example.dev/tier']", ["gold"]),
        (".spec.nope.deeper", []),
    ],
)
def test_a_printer_columns_path(path: str, wanted: list[Any]) -> None:
    body = {
        "metadata": {"labels": {"example.dev/tier": "gold"}},
        "spec": {"size": 3, "list": ["a", "b"]},
        "status": {"conditions": [{"type": "Synced", "status": "?"}, {"type": "Ready", "status": "True"}]},
    }
    assert read_path(body, path) == wanted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (150, "2m30s"), (3600, "60m"), (4 * 3600 + 60, "4h1m"), (86400 * 3, "3d")],
)
def test_an_age_as_kubectl_prints_it(seconds: int, text: str) -> None:
    assert age("2026-01-01T00:00:00Z", START + datetime.timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("path", "name", "digest"),
    [
        # Known from Kubernetes' own storageversionhashdata.
        ("api/v1", "configmaps", "qFsyl6wFWjQ="),
        ("api/v1", "namespaces", "Q3oi5N2YM8M="),
        ("apis/coordination.k8s.io/v1", "leases", "gqkMMb/YqFM="),
    ],
)
def test_storage_version_hashes_are_kubernetes_own(path: str, name: str, digest: str) -> None:
    found = discover(Cluster().store, path)
    assert found is not None
    assert {one["name"]: one.get("storageVersionHash") for one in found["resources"]}[name] == digest


def test_a_cell_of_many_values_is_written_as_json() -> None:
    resource = to_resources(OPEN_CRD)[0]
    item = {"metadata": {"name": "a"}, "spec": {"hosts": ["a.example", "b.example"]}}
    row = to_table([item], resource, datetime.datetime.now(datetime.UTC), "None")["rows"][0]
    assert row["cells"] == ["a", '["a.example","b.example"]']
