"""The embedded cluster's store: versions, generations, isolation, deletion, pages and the event log."""

from typing import Any

import pytest

from meshsplit.local.apiserver.builtin import CRDS, NAMESPACES
from meshsplit.local.apiserver.objects import copy_of
from meshsplit.local.apiserver.operation import JSON_PATCH, Operation, Options
from meshsplit.local.apiserver.status import Refused
from meshsplit.local.apiserver.watches import Watch
from support.embedded import Cluster
from support.widgets import WIDGET_CRD


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def code_of(refused: pytest.ExceptionInfo[Refused]) -> int:
    return refused.value.code


def test_every_write_has_a_larger_resource_version(cluster: Cluster) -> None:
    versions = [int(cluster.create(name)["metadata"]["resourceVersion"]) for name in "abc"]
    versions.append(int(cluster.patch("a", {"spec": {"size": 1}})["metadata"]["resourceVersion"]))
    assert versions == sorted(set(versions))


def test_a_write_that_changes_nothing_is_no_event(cluster: Cluster) -> None:
    body = cluster.create("a", {"size": 1})
    again = Operation("update", cluster.widgets, "ns", "a", body=copy_of(body))
    assert cluster.events_of(again) == []
    assert cluster.get("a") == body


def test_two_writers_of_the_same_version(cluster: Cluster) -> None:
    read = cluster.create("a", {"size": 1})
    for size, code in ((2, 200), (3, 409)):
        wanted = {**copy_of(read), "spec": {"size": size}}
        op = Operation("update", cluster.widgets, "ns", "a", body=wanted)
        if code == 200:
            cluster.send(op)
            continue
        with pytest.raises(Refused) as refused:
            cluster.send(op)
        assert code_of(refused) == 409
    assert cluster.get("a")["spec"]["size"] == 2


def test_a_stored_object_is_not_changed_by_later_writes(cluster: Cluster) -> None:
    read = cluster.create("a", {"members": [{"name": "x", "weight": 1}]})
    kept = copy_of(read)
    cluster.apply("one", {"members": [{"name": "y", "weight": 2}]})
    jump = [{"op": "add", "path": "/spec/members/0", "value": {"name": "z"}}]
    cluster.send(Operation("patch", cluster.widgets, "ns", "a", body=jump, patch=JSON_PATCH))
    assert read == kept


def test_status_and_spec_do_not_touch_one_another(cluster: Cluster) -> None:
    cluster.create("a", {"size": 1})
    cluster.patch("a", {"spec": {"size": 9}, "status": {"phase": "Up"}}, "status")
    body = cluster.patch("a", {"spec": {"size": 2}, "status": {"phase": "Down"}})
    assert (body["spec"]["size"], body["status"], body["metadata"]["generation"]) == (2, {"phase": "Up"}, 2)


def test_an_owner_takes_its_dependents_along(cluster: Cluster) -> None:
    owner = cluster.create("owner")["metadata"]
    other = cluster.create("other")["metadata"]
    references = [
        {"apiVersion": "example.dev/v1", "kind": "Widget", "name": one["name"], "uid": one["uid"]}
        for one in (owner, other)
    ]
    cluster.create("child", ownerReferences=references[:1])
    cluster.create("shared", ownerReferences=references)
    cluster.create("held", ownerReferences=references[:1], finalizers=["example.dev/hold"])
    cluster.delete("owner")
    assert cluster.names() == ["held", "other", "shared"]
    assert cluster.get("shared")["metadata"]["ownerReferences"] == references[1:]
    assert "deletionTimestamp" in cluster.get("held")["metadata"]
    cluster.delete("other")
    assert cluster.names() == ["held"]


def test_orphans_stay(cluster: Cluster) -> None:
    owner = cluster.create("owner")["metadata"]
    reference = {"apiVersion": "example.dev/v1", "kind": "Widget", "name": "owner", "uid": owner["uid"]}
    cluster.create("child", ownerReferences=[reference])
    cluster.delete("owner", propagationPolicy="Orphan")
    assert "ownerReferences" not in cluster.get("child")["metadata"]


def test_foreground_deletion_waits_for_dependents(cluster: Cluster) -> None:
    owner = cluster.create("owner")["metadata"]
    reference = {"apiVersion": "example.dev/v1", "kind": "Widget", "name": "owner", "uid": owner["uid"]}
    cluster.create("child", ownerReferences=[reference], finalizers=["example.dev/hold"])
    cluster.delete("owner", propagationPolicy="Foreground")
    assert cluster.names() == ["child", "owner"]
    cluster.patch("child", {"metadata": {"finalizers": None}})
    assert cluster.names() == []


def test_an_owner_that_is_not_there_is_no_owner(cluster: Cluster) -> None:
    gone = {"apiVersion": "example.dev/v1", "kind": "Widget", "name": "x", "uid": "no-such-uid"}
    cluster.create("child", ownerReferences=[gone])
    assert cluster.names() == []


def test_a_reference_to_an_owner_is_whole(cluster: Cluster) -> None:
    with pytest.raises(Refused, match=r"metadata\.ownerReferences\[0\]\.uid: Required value"):
        cluster.create("a", ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}])


def test_a_namespace_waits_for_its_contents_and_takes_nothing_new(cluster: Cluster) -> None:
    cluster.create("held", finalizers=["example.dev/hold"])
    cluster.create("free")
    cluster.send(Operation("delete", NAMESPACES, name="ns"))
    assert cluster.names() == ["held"]
    with pytest.raises(Refused, match="being terminated") as refused:
        cluster.create("late")
    assert code_of(refused) == 403
    cluster.patch("held", {"metadata": {"finalizers": None}})
    assert cluster.store.get(NAMESPACES, ("", "ns")) is None


def test_a_crd_takes_its_objects_along(cluster: Cluster) -> None:
    cluster.create("a")
    cluster.send(Operation("delete", CRDS, name="widgets.example.dev"))
    assert cluster.store.registry.find("example.dev", "v1", "widgets") is None
    cluster.send(Operation("create", CRDS, body=copy_of(WIDGET_CRD)))
    assert cluster.names() == []


def test_pages_show_one_state(cluster: Cluster) -> None:
    for name in "abcde":
        cluster.create(name, {"size": 1})
    first = cluster.send(Operation("list", cluster.widgets, "ns", options=Options(limit=2))).body
    cluster.delete("c")
    cluster.create("bb")
    cluster.patch("d", {"spec": {"size": 2}})
    token = first["metadata"]["continue"]
    rest = cluster.send(Operation("list", cluster.widgets, "ns", options=Options(continue_token=token))).body
    assert [(item["metadata"]["name"], item["spec"]["size"]) for item in rest["items"]] == [
        ("c", 1),
        ("d", 1),
        ("e", 1),
    ]
    assert rest["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


def test_a_page_after_compaction_is_gone(cluster: Cluster) -> None:
    for name in "abc":
        cluster.create(name)
    page = cluster.send(Operation("list", cluster.widgets, "ns", options=Options(limit=1))).body
    cluster.create("d")
    cluster.store.compact()
    with pytest.raises(Refused, match="too old") as refused:
        cluster.names(continue_token=page["metadata"]["continue"])
    assert code_of(refused) == 410


def seen(watch: Watch) -> list[tuple[str, str]]:
    return [(kind, body["metadata"]["name"]) for kind, body in watch.news()]


def test_a_watch_sees_objects_enter_and_leave_its_selector(cluster: Cluster) -> None:
    options = Options(label_selector="tier=gold")
    watch = Watch(
        cluster.store, Operation("list", cluster.widgets, "ns", options=options), cluster.store.version
    )
    cluster.create("a", labels={"tier": "gold"})
    cluster.create("b")
    cluster.patch("b", {"metadata": {"labels": {"tier": "gold"}}})
    cluster.patch("a", {"metadata": {"labels": {"tier": "silver"}}})
    cluster.patch("b", {"spec": {"size": 1}})
    assert seen(watch) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("MODIFIED", "b")]
    assert seen(watch) == []


def test_the_event_log_is_bounded() -> None:
    cluster = Cluster(log=4)
    old = Watch(cluster.store, Operation("list", cluster.widgets, "ns"), cluster.store.version)
    for number in range(9):
        cluster.create(f"w{number}")
    with pytest.raises(Refused) as refused:
        seen(old)
    assert code_of(refused) == 410
    assert len(cluster.store.log(cluster.widgets.key).since(cluster.store.version - 4, 0)) == 4


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"size": "3"}, "spec.size"),
        ({"size": 101}, "spec.size"),
        ({"members": [{"weight": 1}]}, "spec.members[0].name"),
        ({"members": [{"name": "x"}, {"name": "x"}]}, "spec.members[1]"),
        ({"hosts": "a"}, "spec.hosts"),
    ],
)
def test_what_the_schema_forbids_is_refused_by_field(cluster: Cluster, spec: Any, field: str) -> None:
    with pytest.raises(Refused) as refused:
        cluster.create("a", spec)
    assert code_of(refused) == 422
    assert field in [cause["field"] for cause in refused.value.body["details"]["causes"]]


def test_rules_are_asked_with_the_old_object_and_speak_for_themselves() -> None:
    cluster = Cluster()
    crd = copy_of(WIDGET_CRD)
    crd["metadata"]["name"] = "gauges.example.dev"
    crd["spec"]["names"] = {"kind": "Gauge", "plural": "gauges"}
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["x-kubernetes-validations"] = [
        {
            "rule": "!has(self.members) || self.members.map(m, m.weight).sum() == 100",
            "messageExpression": "'weights add up to %d'.format([self.members.map(m, m.weight).sum()])",
        },
        {"rule": "self.size >= oldSelf.size", "message": "size must not shrink"},
    ]
    cluster.send(Operation("create", CRDS, body=crd))
    gauges = cluster.resource("example.dev", "gauges")

    def put(verb: str, version: str, spec: Any) -> dict[str, Any]:
        metadata = {"name": "a", **({"resourceVersion": version} if version else {})}
        op = Operation(verb, gauges, "ns", "a", body={"metadata": metadata, "spec": spec})
        return cluster.send(op).body

    with pytest.raises(Refused, match="weights add up to 90"):
        put("create", "", {"size": 5, "members": [{"name": "x", "weight": 90}]})
    version = put("create", "", {"size": 5})["metadata"]["resourceVersion"]
    with pytest.raises(Refused, match="size must not shrink"):
        put("update", version, {"size": 4})
    assert put("update", version, {"size": 6})["spec"]["size"] == 6


def test_a_crd_whose_rule_does_not_compile_is_refused(cluster: Cluster) -> None:
    crd = copy_of(WIDGET_CRD)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["x-kubernetes-validations"] = [{"rule": "self.spec >"}]
    crd["spec"]["names"] = {"kind": "Gauge", "plural": "gauges"}
    crd["metadata"]["name"] = "gauges.example.dev"
    with pytest.raises(Refused, match="compilation failed"):
        cluster.send(Operation("create", CRDS, body=crd))
