"""The controller on a big fleet: first start, start with nothing to do, edits, and rest.

Two processes on this machine, the embedded API server and `meshsplit controller`, talk over HTTP. What is
measured as a multiple of the server's own time is measured at two paces of it: as fast as the embedded server
answers, and with every write as slow as a real server's. Needs Linux and the extras `local` and `controller`.
"""

import gc
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.controller_world import (
    WRITERS,
    fill,
    for_all,
    list_all,
    name_of,
    namespace_of,
    set_percent,
)
from bench.cpu import get_cpu_seconds
from bench.report import parse_quick, say, say_header, say_table
from kubernetes.client import ApiClient, CustomObjectsApi
from prometheus_client.parser import text_string_to_metric_families

from meshsplit.controller import resources
from meshsplit.kube.client import Client, load_configuration
from meshsplit.kube.port import EventType, Unavailable, WatchEvent

GROUPS, QUICK_GROUPS = 5_000, 500
EDITS, QUICK_EDITS = 200, 40
IDLE_SECONDS, QUICK_IDLE_SECONDS = 60.0, 10.0
REAL_WRITE_SECONDS = 0.008
"""What a write to a real API server takes longer than one to the embedded server: an apply to kube-apiserver
and etcd on two cores was measured as 9 to 10 ms, p99 13 to 17."""
_START_SECONDS = 1800.0
_LOOK_SECONDS = 0.1
_QUIET_LOOKS = 10
_CALM_SHARE = 0.5
_QUEUE = ("workqueue_depth", "workqueue_unfinished_work_seconds")
_ROUTES = resources.virtual_services("v1")
Row = tuple[str, str, str]


@dataclass(frozen=True)
class Running:
    """A started process and how to ask it."""

    process: subprocess.Popen[bytes]
    url: str = ""

    @property
    def cpu(self) -> float:
        """CPU seconds so far."""
        return get_cpu_seconds(self.process.pid)

    def memory(self, field: str) -> float:
        """`VmRSS` or `VmHWM`, in MiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024

    def is_quiet(self) -> bool:
        """Whether the controller is synced and has no key to work on."""
        try:
            # These alone: to write down those of every group takes more time than is measured here.
            query = "&".join(f"name[]={name}" for name in _QUEUE)
            with urllib.request.urlopen(f"{self.url}/metrics?{query}", timeout=10) as answer:  # noqa: S310 - our own
                text = answer.read().decode()
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10):  # noqa: S310 - our own
                pass
        except OSError:
            return False
        values = {f.name: sum(s.value for s in f.samples) for f in text_string_to_metric_families(text)}
        return len(values) == len(_QUEUE) and not any(values.values())

    def wait_until_quiet(self) -> None:
        """Return when it has had nothing to do for a second, and has computed nothing either."""
        deadline, looks = time.monotonic() + _START_SECONDS, 0
        while looks < _QUIET_LOOKS:
            looks = looks + 1 if self.is_quiet() else 0
            if time.monotonic() > deadline:
                raise TimeoutError("the controller does not come to rest")
            before = self.cpu
            time.sleep(_LOOK_SECONDS)
            looks = looks if self.cpu - before < _CALM_SHARE * _LOOK_SECONDS else 0


@contextmanager
def api_server(kubeconfig: Path, write_seconds: float = 0.0) -> Iterator[Client]:
    """An API server in a process of its own, each write that much slower."""
    script = Path(__file__).with_name("api_process.py")
    command = [sys.executable, str(script), str(kubeconfig), str(write_seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield Client(load_configuration(str(kubeconfig)))
        finally:
            process.kill()


@contextmanager
def controller(kubeconfig: Path) -> Iterator[Running]:
    """The product's own process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "meshsplit", "controller", "--kubeconfig", str(kubeconfig)]
    command += ["--no-leader-election", "--listen", address, "--log-level", "error"]
    with subprocess.Popen(command) as process:
        try:
            yield Running(process, f"http://{address}")
        finally:
            process.terminate()


class Changes:
    """When each VirtualService was last seen to change, by a watch of its own."""

    def __init__(self, api: Client) -> None:
        self._version = api.list_page(_ROUTES, limit=1).resource_version
        self._api = api
        self._seen: dict[str, tuple[str, float]] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._follow, daemon=True).start()

    def wait_for(self, name: str, weights: str) -> float:
        """The moment at which the VirtualService had these weights."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._seen.get(name, ("", 0.0))[0] == weights, timeout=30)
        assert done, f"{name} did not get {weights}"
        return self._seen[name][1]

    def _follow(self) -> None:
        # The API server is killed at the end, and the watch with it.
        with suppress(Unavailable):
            for event in self._api.watch(_ROUTES, resource_version=self._version, timeout_seconds=3600):
                if event.type is EventType.MODIFIED:
                    self._note(event)

    def _note(self, event: WatchEvent) -> None:
        weights = event.item.body["metadata"]["annotations"].get("meshsplit.dev/weights", "")
        with self._changed:
            self._seen[event.item.key.name] = (weights, time.perf_counter())
            self._changed.notify_all()


def _start(kubeconfig: Path) -> tuple[float, float, float]:
    """Wall seconds and CPU seconds from the start of the process until all is written, and peak memory."""
    started = time.monotonic()
    with controller(kubeconfig) as running:
        running.wait_until_quiet()
        wall = time.monotonic() - started - _QUIET_LOOKS * _LOOK_SECONDS
        return wall, running.cpu, running.memory("VmHWM")


def measure_writes(bodies: list[dict[str, Any]], directory: Path, write_seconds: float) -> float:
    """Wall seconds that a fresh API server takes for the same objects, by as many writers, without us."""
    kubeconfig = directory / "writes"
    with api_server(kubeconfig, write_seconds) as api:
        for name in sorted({body["metadata"]["namespace"] for body in bodies}):
            api.create(resources.NAMESPACES, {"metadata": {"name": name}})
        routes = [_bare(body) for body in bodies if body["kind"] == "VirtualService"]
        mirrors = [_bare(body) for body in bodies if body["kind"] == "ModelSplit"]
        events = [_bare(body) for body in bodies if body["kind"] == "Event"]
        started = time.monotonic()
        without_status = [{k: v for k, v in body.items() if k != "status"} for body in mirrors]
        for_all(without_status, lambda body: api.apply(resources.MODEL_SPLITS, body))
        for_all(routes, lambda body: api.apply(_ROUTES, body))
        for_all(mirrors, lambda body: api.apply_status(resources.MODEL_SPLITS, body))
        for_all(events, lambda body: api.create(resources.EVENTS, body))
        return time.monotonic() - started


def _with_kind(event: dict[str, Any]) -> dict[str, Any]:
    """A list leaves out the kind of built-in objects."""
    kind = {"apiVersion": resources.EVENTS.api_version, "kind": resources.EVENTS.kind}
    return {**kind, **event}


def _bare(body: dict[str, Any]) -> dict[str, Any]:
    metadata = body["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if key in metadata}
    return {**body, "metadata": kept}


def measure_edits(api: Client, changes: Changes, groups: range, pause: float) -> list[float]:
    """Milliseconds from the answer to the second of two edits until a watch shows the VirtualService."""
    moments = []
    for group in groups:
        set_percent(api, group, "one", 60)
        set_percent(api, group, "two", 40)
        moments.append((group, time.perf_counter()))
        if pause:
            changes.wait_for(f"{name_of(group)}-splitting", _weights(group, 60, 40))
            time.sleep(pause)
    return [
        1000 * (changes.wait_for(f"{name_of(group)}-splitting", _weights(group, 60, 40)) - moment)
        for group, moment in moments
    ]


def measure_round_trip(api: Client, groups: range) -> list[float]:
    """Milliseconds of one write of the same kind by this process: an apply that changes weights."""
    times = []
    for group in groups:
        name = f"{name_of(group)}-splitting"
        body = _bare(json.loads(api.get(_ROUTES, namespace_of(group), name)))
        body["metadata"]["name"] = f"copy-{name}"
        api.apply(_ROUTES, body)
        body["metadata"]["annotations"]["meshsplit.dev/weights"] = "changed"
        started = time.perf_counter()
        api.apply(_ROUTES, body)
        times.append(1000 * (time.perf_counter() - started))
        api.delete(_ROUTES, namespace_of(group), f"copy-{name}")
    return times


def measure_lists(api: Client, kubeconfig: Path) -> Row:
    """CPU seconds for one list of all InferenceServices: by our client, and by the package's own."""
    gc.collect()
    gc.freeze()  # what this script holds is no cost of a list
    started = time.process_time()
    ours = list_all(api, resources.INFERENCE_SERVICES)
    between = time.process_time()
    theirs: Any = CustomObjectsApi(ApiClient(load_configuration(str(kubeconfig)))).list_cluster_custom_object(
        "serving.kserve.io", "v1beta1", "inferenceservices"
    )
    assert len(theirs["items"]) == len(ours)
    return (
        "one list of all InferenceServices, CPU",
        f"{between - started:.2f} s",
        f"{time.process_time() - between:.2f} s by the package's own client",
    )


def main() -> int:
    """Measure and print."""
    quick = parse_quick(__doc__, "500 groups, 40 edits, 10 s of rest")
    groups, edits, idle = (
        (QUICK_GROUPS, QUICK_EDITS, QUICK_IDLE_SECONDS) if quick else (GROUPS, EDITS, IDLE_SECONDS)
    )
    say_header(
        "Controller", f"{2 * groups} InferenceServices in {groups} groups", "embedded API server over HTTP"
    )
    columns = ("what", "measured", "limit or peer")
    rows = [measure_idle()]
    with world(groups) as (api, kubeconfig):
        rows.append(measure_first_start(api, kubeconfig, 0.0))
        version = api.list_page(_ROUTES, limit=1).resource_version
        with controller(kubeconfig) as running:
            running.wait_until_quiet()
            rows += measure_rest(api, running, version, idle)
            rows += measure_latencies(api, groups, edits)
        rows.append(measure_lists(api, kubeconfig))
    say_table(columns, rows)
    slower = f"{1000 * REAL_WRITE_SECONDS:.0f} ms slower"
    say(f"\nThe same with every write {slower}, at a real API server's pace:\n")
    with world(groups, REAL_WRITE_SECONDS) as (api, kubeconfig):
        rows = [measure_first_start(api, kubeconfig, REAL_WRITE_SECONDS)]
        with controller(kubeconfig) as running:
            running.wait_until_quiet()
            rows += measure_latencies(api, groups, edits)
    say_table(columns, rows)
    return 0


@contextmanager
def world(groups: int, write_seconds: float = 0.0) -> Iterator[tuple[Client, Path]]:
    """An API server that holds the fleet, and the kubeconfig that leads there."""
    with tempfile.TemporaryDirectory() as name:
        kubeconfig = Path(name) / "cluster"
        with api_server(kubeconfig, write_seconds) as api:
            fill(api, groups)
            yield api, kubeconfig


def measure_idle() -> Row:
    """What it holds in a cluster without InferenceServices."""
    with world(0) as (_, kubeconfig), controller(kubeconfig) as running:
        running.wait_until_quiet()
        return "memory without InferenceServices", f"{running.memory('VmRSS'):.0f} MiB", "90 MiB"


def measure_first_start(api: Client, kubeconfig: Path, write_seconds: float) -> Row:
    """How long until everything is written, and how long the same writes take without us."""
    wall, cpu, memory = _start(kubeconfig)
    routes, splits = list_all(api, _ROUTES), list_all(api, resources.MODEL_SPLITS)
    events = [_with_kind(content) for content in list_all(api, resources.EVENTS)]
    written = len(routes) + 2 * len(splits) + len(events)
    alone = measure_writes([*splits, *routes, *events], kubeconfig.parent, write_seconds)
    return (
        f"first start, {written} writes: until all are there",
        f"{wall:.1f} s, {wall / alone:.2f}x; {cpu:.1f} s CPU, {memory:.0f} MiB peak",
        f"1.5x of {alone:.1f} s, which {WRITERS} writers need for them alone",
    )


def measure_rest(api: Client, running: Running, version: str, idle: float) -> list[Row]:
    """What a start with nothing to write took, and what nothing to do takes."""
    started = (
        "start with nothing to write: CPU, memory",
        f"{running.cpu:.1f} s, {running.memory('VmRSS'):.0f} MiB",
        "3 s, 150 MiB",
    )
    same = api.list_page(_ROUTES, limit=1).resource_version == version
    before = running.cpu
    time.sleep(idle)
    return [
        started,
        ("writes during that", "none" if same else "some", "none"),
        ("at rest", f"{100 * (running.cpu - before) / idle:.2f} % of a core", "1 %"),
    ]


def measure_latencies(api: Client, groups: int, edits: int) -> list[Row]:
    """The rows about edits, with one write's round trip of the same run beside them."""
    changes = Changes(api)
    trip = measure_round_trip(api, range(edits))
    single = measure_edits(api, changes, range(edits), pause=0.02)
    burst = measure_edits(api, changes, range(groups - edits, groups), pause=0.0)
    p50, p99 = statistics.median(trip), _percentile(trip)
    say(f"one write's round trip: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {edits} writes\n")
    return [
        (
            f"edit to VirtualService, {edits} one by one: p50, p99",
            f"{_times(statistics.median(single), p50)}, {_times(_percentile(single), p99)}",
            "1.5x and 3x one write's round trip",
        ),
        (
            f"edit to VirtualService, {edits} without a pause: p50, p99",
            f"{statistics.median(burst):.1f} ms, {_percentile(burst):.1f} ms",
            "p99 100 ms",
        ),
    ]


def _times(value: float, trip: float) -> str:
    return f"{value:.1f} ms ({value / trip:.2f}x)"


def _weights(group: int, one: int, two: int) -> str:
    return f"{name_of(group)}-one={one},{name_of(group)}-two={two}"


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]


if __name__ == "__main__":
    sys.exit(main())
