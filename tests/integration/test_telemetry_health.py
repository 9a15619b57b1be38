"""The health server over HTTP, and what the real Prometheus makes of its metrics."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from meshsplit.kube.workqueue import WorkQueue
from meshsplit.telemetry.health import HealthServer
from meshsplit.telemetry.metrics import Metrics
from support.metrics import make_status, parse, read
from support.prometheus import prometheus
from support.waiting import eventually

HOST = "127.0.0.1"
SECONDS = 10


def well() -> str | None:
    return None


@contextmanager
def serving(
    metrics: Metrics, healthy: Callable[[], str | None] = well, ready: Callable[[], str | None] = well
) -> Iterator[HealthServer]:
    server = HealthServer(HOST, 0, healthy=healthy, ready=ready, registry=metrics.registry)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def ask(server: HealthServer, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=SECONDS)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_checks_answer_ok_or_why_not() -> None:
    reasons: list[str | None] = [None]
    with serving(Metrics(), ready=lambda: reasons[-1]) as server:
        assert ask(server, "/healthz") == (200, "ok\n")
        assert ask(server, "/readyz?verbose") == (200, "ok\n")
        reasons.append("not synced: virtualservices")
        assert ask(server, "/readyz") == (503, "not synced: virtualservices\n")
        assert ask(server, "/healthz") == (200, "ok\n")
        assert ask(server, "/readyz", "HEAD") == (503, "")


def test_other_paths_and_methods_are_refused() -> None:
    with serving(Metrics()) as server:
        status, text = ask(server, "/")
        assert (status, "/metrics" in text) == (404, True)
        assert ask(server, "/metrics", "POST")[0] == 501


def test_metrics_can_be_asked_for_by_name() -> None:
    metrics = Metrics()
    metrics.watch_queue("splits", WorkQueue[str]())
    metrics.record("ns", "mnist", make_status())
    with serving(metrics) as server:
        status, text = ask(server, "/metrics?name[]=workqueue_depth")
        assert (status, "workqueue_depth" in text, "meshsplit_ready" in text) == (200, True, False)
        assert "meshsplit_ready" in ask(server, "/metrics")[1]


def test_one_connection_serves_many_probes() -> None:
    with serving(Metrics()) as server:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=SECONDS)
        for _ in range(3):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n"
        connection.close()


def test_a_check_that_fails_costs_one_answer_only() -> None:
    def broken() -> str | None:
        raise RuntimeError("broken check")

    with serving(Metrics(), healthy=broken) as server:
        with pytest.raises(http.client.HTTPException):
            ask(server, "/healthz")
        assert ask(server, "/readyz") == (200, "ok\n")


def test_a_busy_port_is_an_os_error_and_a_stopped_server_frees_it() -> None:
    metrics = Metrics()
    with serving(metrics) as server, pytest.raises(OSError, match="in use"):
        HealthServer(HOST, server.port, healthy=well, ready=well, registry=metrics.registry)
    again = HealthServer(HOST, server.port, healthy=well, ready=well, registry=metrics.registry)
    again.stop()
    again.stop()


def test_a_client_that_says_nothing_does_not_keep_the_server_from_stopping() -> None:
    with serving(Metrics()) as server:
        silent = socket.create_connection((HOST, server.port), timeout=SECONDS)
        assert ask(server, "/healthz")[0] == 200
    silent.close()


def test_every_address_includes_the_loopback_of_both_kinds() -> None:
    server = HealthServer("", 0, healthy=well, ready=well, registry=Metrics().registry)
    server.start()
    try:
        assert ask(server, "/healthz") == (200, "ok\n")
        if socket.has_dualstack_ipv6():
            with socket.create_connection(("::1", server.port), timeout=SECONDS):
                pass
    finally:
        server.stop()


def make_busy_metrics() -> Metrics:
    metrics = Metrics()
    queue = WorkQueue[str]()
    metrics.watch_queue("modelsplit", queue)
    metrics.add_controller("modelsplit", workers=4)
    queue.add("models/mnist")
    queue.add_rate_limited("models/mnist")
    with metrics.reconciling("modelsplit"):
        pass
    metrics.answered("PATCH", 201)
    metrics.set_leading("meshsplit", leads=True)
    metrics.record("models", "mnist", make_status(("v1", 80, 90), ("v2", 20, 10)))
    return metrics


EXPECTED = {
    'workqueue_depth{name="modelsplit"}': 1,
    'workqueue_adds_total{name="modelsplit"}': 1,
    'workqueue_retries_total{name="modelsplit"}': 1,
    'workqueue_queue_duration_seconds_count{name="modelsplit"}': 0,
    'workqueue_work_duration_seconds_count{name="modelsplit"}': 0,
    'workqueue_unfinished_work_seconds{name="modelsplit"}': 0,
    'workqueue_longest_running_processor_seconds{name="modelsplit"}': 0,
    'controller_runtime_reconcile_total{controller="modelsplit",result="success"}': 1,
    'controller_runtime_reconcile_errors_total{controller="modelsplit"}': 0,
    'controller_runtime_reconcile_time_seconds_count{controller="modelsplit"}': 1,
    'controller_runtime_active_workers{controller="modelsplit"}': 0,
    'controller_runtime_max_concurrent_reconciles{controller="modelsplit"}': 4,
    'rest_client_requests_total{method="PATCH",code="201"}': 1,
    'leader_election_master_status{name="meshsplit"}': 1,
    'meshsplit_weight{namespace="models",split="mnist",member="v1",kind="target"}': 80,
    'meshsplit_weight{namespace="models",split="mnist",member="v2",kind="current"}': 10,
    'meshsplit_ready{namespace="models",split="mnist",reason="Steady"}': 1,
    "meshsplit_reconcile_seconds_count": 1,
}


def test_the_page_is_text_a_parser_reads() -> None:
    with serving(make_busy_metrics()) as server:
        series = parse(ask(server, "/metrics")[1])
    names = {name for name, _ in series}
    assert {expression.partition("{")[0] for expression in EXPECTED} <= names
    assert not [name for name in names if name.endswith("_created")]


def query(url: str, expression: str) -> list[float]:
    try:
        answer = json.loads(read(f"{url}/api/v1/query?query={quote(expression)}"))
    except OSError:
        return []
    return [float(each["value"][1]) for each in answer["data"]["result"]]


def wait_for(url: str, expression: str, values: list[float]) -> None:
    """A scrape that takes too long on a busy machine ends all series until the next one."""
    eventually(lambda: query(url, expression) == values, f"{expression} is {values}")


def test_prometheus_scrapes_every_metric(tmp_path: Path) -> None:
    metrics = make_busy_metrics()
    with (
        serving(metrics) as server,
        prometheus(tmp_path, {"meshsplit": [(f"{HOST}:{server.port}", "/metrics", {})]}) as scraper,
    ):
        url = scraper.url
        wait_for(url, 'up{job="meshsplit-0"}', [1.0])
        for expression, value in EXPECTED.items():
            wait_for(url, expression, [value])
        assert query(url, "histogram_quantile(0.5, meshsplit_reconcile_seconds_bucket)")
        metrics.record("models", "mnist", None)
        wait_for(url, "meshsplit_weight", [])
