"""What one read of one metric costs for 1,000 rollouts, from a real Prometheus and directly from gateways.

Needs `prometheus` (apt-get install prometheus). The counters are of two gateway pods, two members a rollout
and two response codes each, and grow between reads. Every read is compared with what the pages counted.
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import Spread, parse_quick, say, say_header, say_table

from meshsplit.analysis.metrics import Backend, MetricRequest, MetricsSource, Reading, Signal
from meshsplit.metrics.prometheus import PrometheusSource
from meshsplit.metrics.scrape import ScrapeSource
from meshsplit.metrics.targets import Target
from meshsplit.model import DeploymentMode, Endpoint, GroupKey, Member
from support.prometheus import BINARY, Page, page, prometheus

ROLLOUTS = 1000
PODS = 2
CPU_LIMIT_SECONDS = 1.0
QUERY_LIMIT = 1
WAIT_SECONDS = 60.0
_QUERIES = re.compile(r'prometheus_http_requests_total\{[^}]*handler="/api/v1/query"[^}]*\} (\d+)')


def make_requests() -> list[MetricRequest]:
    found = []
    for index in range(ROLLOUTS):
        namespace = f"team-{index % 50}"
        members = tuple(
            Member(name, DeploymentMode.STANDARD, name, Endpoint(host_of(name, namespace), 80), None)
            for name in (f"model-{index}-v1", f"model-{index}-v2")
        )
        split = GroupKey(namespace, f"model-{index}")
        found.append(MetricRequest(split, "error-rate", Signal.ERRORS, members))
    return found


def host_of(name: str, namespace: str) -> str:
    return f"{name}-predictor.{namespace}.svc.cluster.local"


def to_text(requests: Sequence[MetricRequest], good: int, bad: int) -> str:
    """What one gateway pod shows, with the labels that Istio gives its counters."""
    lines = ["# TYPE istio_requests_total counter"]
    for request in requests:
        for member in request.members:
            host = host_of(member.name, request.split.namespace)
            for code, value in (("200", good), ("503", bad)):
                labels = (
                    f'reporter="source",source_workload="istio-ingressgateway",destination_service="{host}",'
                    f'request_protocol="http",response_code="{code}",grpc_response_status="",response_flags="-"'
                )
                lines.append(f"istio_requests_total{{{labels}}} {value}")
    return "\n".join(lines) + "\n"


def read(
    source: MetricsSource, requests: Sequence[MetricRequest]
) -> tuple[float, list[MetricRequest], float]:
    """CPU seconds of one read, the requests with their new bookmarks, and how many requests were counted."""
    before = time.process_time()
    answers = source.read(requests, time.time())
    spent = time.process_time() - before
    marked, served = [], 0.0
    for request in requests:
        answer = answers[request.key]
        if not isinstance(answer, Reading):
            marked.append(request)
            continue
        marked.append(replace(request, bookmark=answer.bookmark))
        for counts in (answer.counts or {}).values():
            served += counts.requests
    return spent, marked, served


def follow(
    source: MetricsSource, pages: Sequence[Page], reads: int, requests: Sequence[MetricRequest]
) -> tuple[list[float], list[float]]:
    """CPU seconds and wall seconds of reads that each bring new counts, checked against the pages."""
    good, bad, cpu, wall = 1000, 10, [], []
    show(pages, requests, good, bad)
    marked = list(requests)
    deadline = time.monotonic() + WAIT_SECONDS
    while not all(request.bookmark.places for request in marked):
        require(time.monotonic() < deadline, "the first read")
        _, marked, _ = read(source, marked)
    for _ in range(reads):
        good, bad = good + 100, bad + 3
        show(pages, requests, good, bad)
        wanted, seen = ROLLOUTS * 2 * PODS * 103, 0.0
        while seen < wanted:
            require(time.monotonic() < deadline + WAIT_SECONDS, f"{wanted} requests, read {seen}")
            started = time.perf_counter()
            spent, marked, served = read(source, marked)
            seen += served
            if served:
                cpu.append(spent)
                wall.append(time.perf_counter() - started)
        require(seen == wanted, f"{wanted} requests exactly, read {seen}")
    return cpu, wall


def require(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"waited for {what}")


def show(pages: Sequence[Page], requests: Sequence[MetricRequest], good: int, bad: int) -> None:
    text = to_text(requests, good, bad)
    for each in pages:
        each.text = text


def count_queries(url: str) -> int:
    """Instant queries that this Prometheus has answered, as it counts them itself."""
    with urlopen(f"{url}/metrics", timeout=30) as answer:  # noqa: S310 - our own server
        return sum(int(found) for found in _QUERIES.findall(answer.read().decode()))


def measure_prometheus(reads: int, requests: Sequence[MetricRequest]) -> Mapping[str, str]:
    with tempfile.TemporaryDirectory() as folder, page() as one, page() as two:
        jobs = {"gw": [(each.address, "/metrics", {"pod": f"gw-{i}"}) for i, each in enumerate((one, two))]}
        with prometheus(Path(folder), jobs) as server:
            source = PrometheusSource(server.url)
            cpu, wall = follow(source, (one, two), reads, requests)
            before = count_queries(server.url)
            read(source, requests)
            queries = count_queries(server.url) - before
            source.close()
    return {
        "source": "Prometheus",
        "queries": f"{queries}",
        "cpu": Spread(cpu).show(2),
        "wall": Spread(wall).show(2),
    }


def measure_scrape(reads: int, requests: Sequence[MetricRequest]) -> Mapping[str, str]:
    with page() as one, page() as two:
        addresses = [f"http://{each.address}/metrics" for each in (one, two)]
        targets = [Target(f"gw-{i}", url, Backend.ISTIO) for i, url in enumerate(addresses)]
        source = ScrapeSource(lambda: targets)
        cpu, wall = follow(source, (one, two), reads, requests)
        source.close()
    return {
        "source": f"{PODS} gateway pods directly",
        "queries": f"{PODS} pages",
        "queries limit": "",
        "cpu": Spread(cpu).show(2),
        "wall": Spread(wall).show(2),
    }


def main() -> int:
    """Exit code 1 beyond a limit, 2 without a Prometheus."""
    if BINARY is None:
        say("prometheus is missing: apt-get install prometheus")
        return 2
    reads = 2 if parse_quick(__doc__, "fewer reads") else 10
    requests = make_requests()
    series = f"{ROLLOUTS * 2 * 2 * PODS:,} series"
    say_header("Metrics: one read", f"{ROLLOUTS:,} rollouts", series, f"load {os.getloadavg()[0]:.1f}")
    rows = [measure_prometheus(reads, requests), measure_scrape(reads, requests)]
    limits = {"queries limit": f"{QUERY_LIMIT}", "cpu limit": f"{CPU_LIMIT_SECONDS:g}"}
    shown = ({**limits, **row} for row in rows)
    columns = ("source", "queries", "queries limit", "cpu", "cpu limit", "wall")
    say_table(
        ("source", "queries a read", "limit", "CPU, s", "limit", "wall, s"),
        ([row[column] for column in columns] for row in shown),
    )
    say("Median (min-max) of reads that brought new counts; every count was checked.")
    within = rows[0]["queries"] == f"{QUERY_LIMIT}" and all(
        float(row["cpu"].split()[0]) <= CPU_LIMIT_SECONDS for row in rows
    )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
