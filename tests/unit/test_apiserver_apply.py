"""Server-side apply: who owns which field, and what becomes of it."""

import datetime
from copy import deepcopy
from typing import Any

import pytest

from meshsplit.local.apiserver.builtin import CRDS
from meshsplit.local.apiserver.operation import APPLY, Operation, Options
from meshsplit.local.apiserver.status import Refused
from support.embedded import Cluster, owners
from support.widgets import OPEN_CRD


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_the_first_apply_creates_and_owns_only_what_it_named(cluster: Cluster) -> None:
    body = cluster.apply("one", {"size": 1})
    assert body["spec"] == {"size": 1, "mode": "auto"}
    assert owners(body) == {"one": {"f:spec": {"f:size": {}}}}


def test_the_same_apply_again_changes_nothing(cluster: Cluster) -> None:
    first = cluster.apply("one", {"size": 1})
    cluster.now += datetime.timedelta(minutes=1)
    assert cluster.apply("one", {"size": 1}) == first
    body = {"metadata": {"name": "a"}, "spec": {"size": 1}}
    again = Operation("patch", cluster.widgets, "ns", "a", "", body, APPLY, Options(field_manager="one"))
    assert cluster.events_of(again) == []


def test_a_field_left_out_goes_when_nobody_else_owns_it(cluster: Cluster) -> None:
    cluster.apply("one", {"size": 1, "replicas": 2})
    assert cluster.apply("one", {"size": 1})["spec"] == {"size": 1, "mode": "auto"}


def test_a_field_left_out_stays_when_it_is_shared(cluster: Cluster) -> None:
    cluster.apply("one", {"size": 1, "replicas": 2})
    cluster.apply("two", {"replicas": 2})
    body = cluster.apply("one", {"size": 1})
    assert body["spec"]["replicas"] == 2
    assert owners(body)["two"] == {"f:spec": {"f:replicas": {}}}


def test_a_whole_map_left_out_goes_with_all_it_held(cluster: Cluster) -> None:
    cluster.apply("one", {"size": 1, "limits": {"cpu": "1"}})
    assert "limits" not in cluster.apply("one", {"size": 1})["spec"]


def test_a_conflict_names_every_manager_and_field(cluster: Cluster) -> None:
    cluster.apply("one", {"size": 1, "hosts": ["a"]})
    cluster.patch("a", {"spec": {"replicas": 3}}, field_manager="editor")
    with pytest.raises(Refused) as refused:
        cluster.apply("two", {"size": 2, "hosts": ["b"], "replicas": 4})
    status = refused.value.body
    assert status["code"] == 409
    assert [(cause["message"], cause["field"]) for cause in status["details"]["causes"]] == [
        ('conflict with "one"', ".spec.hosts"),
        ('conflict with "one"', ".spec.size"),
        ('conflict with "editor" using example.dev/v1', ".spec.replicas"),
    ]
    assert "Apply failed with 3 conflicts" in status["message"]
    assert cluster.get("a")["spec"]["size"] == 1


def test_force_takes_the_field_from_its_owner(cluster: Cluster) -> None:
    cluster.apply("one", {"size": 1, "replicas": 1})
    body = cluster.apply("two", {"size": 2}, force=True)
    assert body["spec"]["size"] == 2
    assert owners(body) == {"one": {"f:spec": {"f:replicas": {}}}, "two": {"f:spec": {"f:size": {}}}}


def test_an_atomic_list_has_one_owner(cluster: Cluster) -> None:
    cluster.apply("one", {"hosts": ["a", "b"]})
    with pytest.raises(Refused, match=r"\.spec\.hosts"):
        cluster.apply("two", {"hosts": ["a", "b", "c"]})
    assert cluster.apply("two", {"hosts": ["c"]}, force=True)["spec"]["hosts"] == ["c"]


def test_items_of_a_map_list_have_owners_of_their_own(cluster: Cluster) -> None:
    cluster.apply("one", {"members": [{"name": "x", "weight": 80}, {"name": "y", "weight": 20}]})
    body = cluster.apply("two", {"members": [{"name": "z", "weight": 5}]})
    assert [member["name"] for member in body["spec"]["members"]] == ["x", "y", "z"]
    body = cluster.apply("one", {"members": [{"name": "y", "weight": 100}]})
    assert body["spec"]["members"] == [{"name": "y", "weight": 100}, {"name": "z", "weight": 5}]
    with pytest.raises(Refused, match=r'\.spec\.members\[name="y"\]\.weight'):
        cluster.apply("two", {"members": [{"name": "y", "weight": 1}]})


def test_an_update_takes_the_fields_it_changes(cluster: Cluster) -> None:
    cluster.apply("one", {"size": 1, "replicas": 1})
    body = cluster.patch("a", {"spec": {"size": 5, "replicas": 1}}, field_manager="editor")
    assert owners(body) == {"editor": {"f:spec": {"f:size": {}}}, "one": {"f:spec": {"f:replicas": {}}}}


def test_a_removed_field_is_nobodys(cluster: Cluster) -> None:
    cluster.apply("one", {"size": 1, "replicas": 1})
    body = cluster.patch("a", {"spec": {"size": None}}, field_manager="editor")
    assert owners(body) == {"one": {"f:spec": {"f:replicas": {}}}}


def test_what_a_create_set_can_be_taken_without_force_at_the_same_value(cluster: Cluster) -> None:
    cluster.create("a", {"size": 1})
    body = cluster.apply("one", {"size": 1})
    assert owners(body)["one"] == {"f:spec": {"f:size": {}}}
    assert owners(body)["unknown"] == {"f:spec": {".": {}, "f:mode": {}, "f:size": {}}}


def test_managers_are_listed_by_operation_time_and_name(cluster: Cluster) -> None:
    for manager in ("b", "a"):
        cluster.apply(manager, {"size": 1} if manager == "b" else {"replicas": 1})
        cluster.now += datetime.timedelta(seconds=5)
    body = cluster.patch("a", {"spec": {"mode": "x"}}, field_manager="0")
    assert [entry["manager"] for entry in body["metadata"]["managedFields"]] == ["b", "a", "0"]


def test_an_apply_to_status_owns_status_alone(cluster: Cluster) -> None:
    cluster.create("a", {"size": 1})
    applied = {"metadata": {"name": "a"}, "spec": {"size": 9}, "status": {"phase": "Up"}}
    options = Options(field_manager="controller")
    op = Operation("patch", cluster.widgets, "ns", "a", "status", applied, APPLY, options)
    body = cluster.send(op).body
    assert (body["spec"]["size"], body["status"]) == (1, {"phase": "Up"})
    assert owners(body)["controller"] == {"f:status": {"f:phase": {}}}


def test_a_dry_run_reports_conflicts_and_stores_nothing(cluster: Cluster) -> None:
    cluster.apply("one", {"size": 1})
    with pytest.raises(Refused, match="conflict"):
        cluster.apply("two", {"size": 2}, dry_run=True)
    assert cluster.apply("one", {"size": 7}, dry_run=True)["spec"]["size"] == 7
    assert cluster.get("a")["spec"]["size"] == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"metadata": {"name": "b"}}, "does not match the name on the URL"),
        ({"metadata": {"name": "a", "managedFields": [{"manager": "x"}]}}, "managedFields must be nil"),
        ({"metadata": {"name": "a"}, "spec": {"sise": 1}}, r"\.spec\.sise: field not declared"),
    ],
)
def test_an_apply_that_cannot_be_meant_is_refused(cluster: Cluster, body: Any, why: str) -> None:
    options = Options(field_manager="one")
    with pytest.raises(Refused, match=why):
        cluster.send(Operation("patch", cluster.widgets, "ns", "a", "", body, APPLY, options))


def test_lists_below_an_open_field_may_hold_anything(cluster: Cluster) -> None:
    cluster.send(Operation("create", CRDS, body=deepcopy(OPEN_CRD)))
    body = {"metadata": {"name": "a"}, "spec": {"servers": [{"hosts": ["*"], "port": {"number": 80}}]}}
    given = Options(field_manager="one")
    op = Operation("patch", cluster.resource("example.dev", "opens"), "ns", "a", "", body, APPLY, given)
    assert cluster.send(op).body["spec"] == {"servers": [{"hosts": ["*"], "port": {"number": 80}}]}
