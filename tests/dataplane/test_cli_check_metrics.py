"""`check` asks a real Prometheus for the series that rollouts of a cluster are decided by."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshsplit.cli import kinds
from support.live import EVERYTHING, Live, live_cluster, make_member, make_namespace, make_split
from support.prometheus import Page, Prometheus, page, prometheus
from support.waiting import eventually

pytestmark = pytest.mark.xdist_group("prometheus")

NAME = "modelmesh_api_request_milliseconds_count"
POD = {"pod": "mm-0", "instance": "mm-0:2112", "namespace": "models"}


@pytest.fixture(scope="module")
def counters() -> Iterator[Page]:
    with page() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, counters: Page) -> Iterator[Prometheus]:
    jobs = {"models": [(counters.address, "/metrics", POD)]}
    with prometheus(tmp_path_factory.mktemp("prometheus"), jobs) as running:
        yield running


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Live]:
    with live_cluster(tmp_path, *EVERYTHING) as live:
        live.write(kinds.NAMESPACES, make_namespace("models"))
        for member, percent in (("mnist-v1", "100"), ("mnist-v2", "0")):
            live.write(kinds.INFERENCE_SERVICES, make_member(member, "mnist", percent))
        yield live


def ask_for(live: Live, address: str, strategy: dict[str, Any] | None = None) -> None:
    source = {"prometheus": {"address": address}}
    spec = {"modelTag": "mnist", "strategy": strategy or {"canary": {}}, "analysis": {"source": source}}
    live.write(kinds.MODEL_SPLITS, make_split("mnist", spec=spec))


def check(live: Live, *words: str) -> list[tuple[str, str, str]]:
    """Level, text and fix of what is said of metrics."""
    checks = json.loads(live.run("check", "-o", "json", *words).stdout)["checks"]
    return [
        (each["level"], each["text"], each["fix"] or "") for each in checks if each["section"] == "metrics"
    ]


def test_series_that_are_there_missing_and_switched_off(
    cluster: Live, server: Prometheus, counters: Page
) -> None:
    ask_for(cluster, server.url)
    apart = ("ok", f"{server.url}: models/mnist error-rate: tells mnist-v1 and mnist-v2 apart", "")

    counters.text = "".join(f'{NAME}{{vModelId="mnist-v{each}",code="OK"}} 5\n' for each in (1, 2))
    eventually(lambda: check(cluster)[-1] == apart, lambda: f"series: {check(cluster)}")
    assert "the source answers in" in check(cluster)[0][1]

    # What ModelMesh counts without per_model_metrics=true.
    counters.text = f'{NAME}{{code="OK"}} 10\n'
    eventually(lambda: check(cluster)[-1][0] == "failure", lambda: f"no series: {check(cluster)}")
    _, (_, text, fix) = check(cluster)
    assert text.startswith(f"{server.url}: models/mnist error-rate: no series for mnist-v1, mnist-v2")
    assert "per_model_metrics=true" in fix


def test_an_address_inside_the_cluster_is_reached_as_the_user_says(cluster: Live, server: Prometheus) -> None:
    inside = "http://prometheus.monitoring.svc:9091"
    ask_for(cluster, inside)
    ((level, text, fix),) = check(cluster)
    assert level == "unknown"
    assert text.startswith(f"{inside}: ")
    assert fix == (
        "kubectl port-forward -n monitoring service/prometheus 9090:9091 &    "
        "then meshsplit check --prometheus http://127.0.0.1:9090"
    )
    first, _ = check(cluster, "--prometheus", server.url)
    assert (first[0], first[1].startswith(f"{inside}: the source answers")) == ("ok", True)


def test_the_settings_name_the_server_of_those_that_name_none(cluster: Live, server: Prometheus) -> None:
    head = "apiVersion: cli.meshsplit.dev/v1alpha1\nkind: Settings\n"
    text = f"{head}rollouts: {{prometheus: '{server.url}'}}\n"
    metadata = {"name": "meshsplit-settings", "namespace": "meshsplit-system"}
    cluster.write(kinds.NAMESPACES, make_namespace("meshsplit-system"))
    cluster.write(kinds.CONFIG_MAPS, {"metadata": metadata, "data": {"settings.yaml": text}})
    checks = {"blueGreen": {"prePromotionChecks": {"minRequests": 1}}}
    cluster.write(kinds.MODEL_SPLITS, make_split("mnist", spec={"modelTag": "mnist", "strategy": checks}))
    assert check(cluster)[0][1].startswith(f"{server.url}: the source answers")


def test_what_measures_nothing_needs_no_server(cluster: Live) -> None:
    ask_for(cluster, "http://127.0.0.1:1", {"blueGreen": {}})
    assert check(cluster) == []
