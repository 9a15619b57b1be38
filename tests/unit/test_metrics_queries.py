"""What each backend's series say, and the queries made of them."""

import re

import pytest

from meshsplit.analysis.metrics import Backend, Custom, Signal
from meshsplit.analysis.queries import PACKS
from meshsplit.analysis.queries.custom import fill, make_custom_query
from meshsplit.analysis.queries.pack import NAME, Family, Labels, Outcome, Pack, Place
from meshsplit.analysis.queries.promql import make_query
from meshsplit.api.promql import find_fault, loses_member
from meshsplit.model import DeploymentMode, Endpoint, GroupKey, Member

HOST = "mnist-v2-predictor.models.svc.cluster.local"
REST = Member("mnist-v2", DeploymentMode.STANDARD, "mnist", Endpoint(HOST, 80), Endpoint(HOST, 80))
RPC = Member("mnist-v2", DeploymentMode.STANDARD, "mnist", None, Endpoint(HOST, 80))


def family(backend: Backend, signal: Signal = Signal.ERRORS) -> tuple[Pack, Family]:
    pack = PACKS[backend]
    found = pack.find_family(signal)
    assert found is not None
    return pack, found


@pytest.mark.parametrize("backend", list(Backend))
@pytest.mark.parametrize("signal", list(Signal))
def test_every_backend_has_every_signal_and_asks_for_raw_counters(backend: Backend, signal: Signal) -> None:
    pack, found = family(backend, signal)
    query = make_query([(pack, found, pack.to_places("models", REST))])
    assert query.count("sum by (pod, instance, job, ") == 1
    assert query.count("timestamp(") == 1
    assert "rate(" not in query
    assert "increase(" not in query


@pytest.mark.parametrize(
    ("labels", "outcome"),
    [
        ({"request_protocol": "http", "response_code": "200"}, Outcome("200", False)),
        ({"request_protocol": "http", "response_code": "404"}, Outcome("404", False)),
        ({"request_protocol": "http", "response_code": "503"}, Outcome("503", True)),
        ({"request_protocol": "http", "response_code": "0"}, None),
        ({"request_protocol": "http"}, None),
        (
            {"request_protocol": "grpc", "response_code": "200", "grpc_response_status": "0"},
            Outcome("grpc-0", False),
        ),
        (
            {"request_protocol": "grpc", "response_code": "200", "grpc_response_status": "5"},
            Outcome("grpc-5", False),
        ),
        (
            {"request_protocol": "grpc", "response_code": "200", "grpc_response_status": "14"},
            Outcome("grpc-14", True),
        ),
        (
            {"request_protocol": "grpc", "response_code": "503", "grpc_response_status": ""},
            Outcome("503", True),
        ),
    ],
)
def test_istio_counts_http_and_grpc_failures(labels: Labels, outcome: Outcome | None) -> None:
    _, found = family(Backend.ISTIO)
    assert found.to_outcome(labels) == outcome


@pytest.mark.parametrize("status", range(17))
def test_grpc_faults_of_the_server_and_no_others(status: int) -> None:
    _, found = family(Backend.ENVOY)
    outcome = found.to_outcome({NAME: f"envoy_cluster_grpc_{status}"})
    assert outcome is not None
    assert outcome.bad == (status in {2, 4, 8, 13, 14, 15})


@pytest.mark.parametrize(
    ("code", "bad"),
    [("OK", False), ("NOT_FOUND", False), ("INVALID_ARGUMENT", False), ("INTERNAL", True), ("NEW_ONE", True)],
)
def test_modelmesh_counts_what_is_no_fault_of_the_client(code: str, bad: bool) -> None:
    _, found = family(Backend.MODELMESH)
    assert found.to_outcome({"code": code}) == Outcome(code, bad)


def test_modelmesh_takes_the_pods_own_namespace() -> None:
    _, found = family(Backend.MODELMESH)
    labels = {"namespace": "monitoring", "exported_namespace": "models", "vModelId": "mnist-v2"}
    assert found.locate(labels) == (Place(Backend.MODELMESH, "models", "mnist-v2"),)
    assert found.locate({"namespace": "models", "vModelId": ""}) == ()


@pytest.mark.parametrize("cluster", [f"outbound|80||{HOST}", f"outbound|80||{HOST};"])
def test_envoy_knows_a_member_by_its_cluster(cluster: str) -> None:
    pack, found = family(Backend.ENVOY)
    by_class = {NAME: "envoy_cluster_upstream_rq", "cluster_name": cluster, "response_code_class": "5xx"}
    assert found.locate(by_class) == pack.to_places("models", REST)
    assert found.to_outcome(by_class) == Outcome("5xx", True)
    by_status = {NAME: "envoy_cluster_grpc_13", "cluster_name": cluster}
    assert found.locate(by_status) == pack.to_places("models", RPC)
    assert all(cluster in found.to_label(place) for place in pack.to_places("models", RPC))


@pytest.mark.parametrize("cluster", ["", "inbound|80||", f"outbound|80|v2|{HOST}", "xds-grpc"])
def test_other_clusters_are_nobodys(cluster: str) -> None:
    _, found = family(Backend.ENVOY)
    assert found.locate({NAME: "envoy_cluster_upstream_rq", "cluster_name": cluster}) == ()


@pytest.mark.parametrize("suffix", ["-predictor", "-predictor-default"])
def test_kserve_knows_a_member_by_its_configuration(suffix: str) -> None:
    pack, found = family(Backend.KSERVE)
    labels = {"namespace_name": "models", "configuration_name": f"mnist-v2{suffix}", "response_code": "500"}
    assert found.locate(labels) == pack.to_places("models", REST)
    assert found.to_outcome(labels) == Outcome("500", True)
    assert found.locate({"configuration_name": "other"}) == ()


def test_many_members_are_asked_for_in_groups_that_the_index_can_look_up() -> None:
    pack, found = family(Backend.ISTIO)
    places = [Place(Backend.ISTIO, "", f"m{index}.example") for index in range(501)]
    query = make_query([(pack, found, places)])
    groups = re.findall(r'sum by [^{]*\{reporter="source",destination_service=~"([^"]*)"', query)
    assert [len(group.split("|")) for group in groups] == [250, 250, 1]
    assert {name for group in groups for name in group.split("|")} == {
        f"m{index}\\\\.example" for index in range(501)
    }
    assert query.count("timestamp(") == 3


def test_special_characters_stay_literal() -> None:
    pack, found = family(Backend.ENVOY)
    query = make_query([(pack, found, pack.to_places("models", RPC))])
    assert r'cluster_name=~"outbound\\|80\\|\\|mnist-v2-predictor\\.models' in query


def test_placeholders_are_filled_in() -> None:
    filled = fill('x{s="{{ split }}",n="{{namespace}}",o="{{ other }}"}', GroupKey("models", "mnist"))
    assert filled == 'x{s="mnist",n="models",o="{{ other }}"}'


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("sum by (member) (x)", None),
        ('x{a=")"} # )', None),
        ("x{a='}'}", None),
        ("x{a=`(\\`}", None),
        ("sum(x", "( is not closed"),
        ("x) or (y", ") closes nothing"),
        ("x{a=(}", "} closes nothing"),
        ('x{a="b', 'the quote " is not closed'),
        ("x{a='b\\'}", "the quote ' is not closed"),
    ],
)
def test_an_expression_must_end_where_it_ends(expression: str, fault: str | None) -> None:
    assert find_fault(expression) == fault


def test_a_comment_does_not_swallow_what_follows() -> None:
    query = make_custom_query([(GroupKey("models", "mnist"), Custom("good # one", "bad"))])
    assert "good # one\n)" in query


@pytest.mark.parametrize(
    ("expression", "lost"),
    [
        ("x_total", None),
        ("sum by (member) (x_total)", None),
        ("sum by (member, code) (x_total)", None),
        ("sum(x_total) by (member)", None),
        ("SUM(x_total) BY (member)", None),
        ("sum without (pod) (x_total)", None),
        ("topk(5, x_total)", None),
        ('label_replace(sum(x_total), "member", "a", "", "")', None),
        ("sum by (member) (sum(x_total))", None),
        ("sum_of_all_total", None),
        ("sum(x_total)", "sum"),
        ("sum by (pod) (x_total)", "sum"),
        ("sum without (member) (x_total)", "sum"),
        ("max(x_total) by (model)", "max"),
        ("sum by (member) (x) + sum(y)", "sum"),
        ("count by (member_name) (x)", "count"),
    ],
)
def test_an_aggregation_that_loses_the_member_is_found(expression: str, lost: str | None) -> None:
    assert loses_member(expression) == lost
