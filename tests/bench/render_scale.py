"""What it takes to render a big fleet: seconds and peak memory of the installed program, and what takes them.

Needs Linux.
"""

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.cpu import Clock
from bench.fleet import GROUPS_A_NAMESPACE
from bench.report import Spread, parse_quick, say, say_header, say_table

from meshsplit.cli.findings import locate_findings, make_places
from meshsplit.manifests.files import read_paths
from meshsplit.manifests.writer import write_documents
from meshsplit.model import Settings
from meshsplit.translate import translate

# What a step of a pipeline may take without anybody asking why: chosen, not measured.
LIMIT_SECONDS, LIMIT_MIB = 30.0, 1024.0

SIZES, QUICK_SIZES = (1_000, 2_000, 4_000, 5_000), (500, 1_000)
ONE_NAMESPACE = 10**6
ROUNDS = 3

_PLATFORM = """\
apiVersion: v1
kind: Namespace
metadata:
  name: {namespace}
  annotations:
    opendatahub.io/service-mesh: "true"
    service-mesh.opendatahub.io/public-gateway-name: istio-system/public
---
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: mlserver
  namespace: {namespace}
  annotations:
    enable-route: "true"
spec:
  multiModel: true
  supportedModelFormats:
  - name: sklearn
    version: "1"
    autoSelect: true
  containers:
  - name: mlserver
    image: seldonio/mlserver:1.7.1
---
"""
_MEMBER = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {group}-{member}
  namespace: {namespace}
  labels:
    serving.kserve.io/model-tag: {group}
  annotations:
    serving.kserve.io/deploymentMode: ModelMesh
    serving.kserve.io/canaryTrafficPercent: "{percent}"
spec:
  predictor:
    model:
      modelFormat:
        name: sklearn
      storage:
        key: localMinIO
        path: sklearn/{group}-{member}.joblib
---
"""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program: seconds, peak memory in MiB, output in MB, and the share of others (0 to 1)."""

    wall: float
    user: float
    system: float
    peak: float
    output: float
    others: float


@dataclass(slots=True)
class Stages:
    """Seconds by stage, in order of running."""

    seconds: dict[str, float] = field(default_factory=dict)

    def time(self, name: str, run: Callable[[], Value]) -> Value:
        """Run a stage."""
        start = time.perf_counter()
        value = run()
        self.seconds[name] = time.perf_counter() - start
        return value


def main() -> int:
    """Print the tables; 2 when the program is not installed beside this Python."""
    sizes = QUICK_SIZES if parse_quick(__doc__, f"{QUICK_SIZES} groups instead of {SIZES}") else SIZES
    program = Path(sys.executable).with_name("meshsplit")
    if not program.exists():
        sys.stderr.write(f"{program} is missing: pip install meshsplit into the environment of this Python\n")
        return 2
    with tempfile.TemporaryDirectory() as name:
        fleets = {f"{size:,}": _write_fleet(Path(name), size, GROUPS_A_NAMESPACE) for size in sizes}
        fleets[f"{sizes[-1]:,} in one namespace"] = _write_fleet(Path(name), sizes[-1], ONE_NAMESPACE)
        # All of the program's runs first: a child's peak counts what this process held when it forked.
        runs = {fleet: [_render(program, file) for _ in range(ROUNDS)] for fleet, file in fleets.items()}
        stages = {fleet: _time_stages(file) for fleet, file in fleets.items()}
        sizes_mb = {fleet: file.stat().st_size / 1e6 for fleet, file in fleets.items()}
    say_header("meshsplit render of a fleet", "two InferenceServices a group", f"{ROUNDS} runs each")
    _say_runs(runs, sizes_mb)
    _say_stages(stages)
    return 0


def _write_fleet(folder: Path, size: int, groups_a_namespace: int) -> Path:
    path = folder / f"fleet-{size}-{groups_a_namespace}.yaml"
    with path.open("w") as file:
        for number in range(size):
            namespace = f"team-{number // groups_a_namespace:04}"
            if number % groups_a_namespace == 0:
                file.write(_PLATFORM.format(namespace=namespace))
            for member, percent in (("one", 80), ("two", 20)):
                names = {"namespace": namespace, "group": f"group-{number:05}"}
                file.write(_MEMBER.format(member=member, percent=percent, **names))
    return path


def _render(program: Path, file: Path) -> Run:
    output = file.with_suffix(".out")
    with output.open("wb") as out, file.with_suffix(".err").open("wb") as err:
        before, start = Clock.now([]), time.monotonic()
        child = subprocess.Popen([program, "render", str(file)], stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        wall, after = time.monotonic() - start, Clock.now([])
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"render ended with {child.returncode}: {file.with_suffix('.err').read_text()}")
    size = output.stat().st_size / 1e6
    # Linux counts ru_maxrss in KiB.
    return Run(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024, size, after.others_since(before))


def _time_stages(file: Path) -> dict[str, float]:
    """The stages of `render` one after the other, in this process."""
    stages, settings = Stages(), Settings()
    read = stages.time("read", lambda: read_paths([str(file)], io.StringIO()))
    bodies = [document.body for document in read.documents]
    done = stages.time("translate", lambda: translate(bodies, settings))
    found = (*read.findings, *done.findings)
    stages.time(
        "place findings",
        lambda: locate_findings(found, make_places(read.documents, done.objects, done.outcomes)),
    )
    stages.time("write", lambda: write_documents(done.objects))
    return stages.seconds


def _say_runs(runs: dict[str, list[Run]], sizes_mb: dict[str, float]) -> None:
    header = (
        "groups",
        "input, MB",
        "output, MB",
        "wall, s",
        "user, s",
        "system, s",
        "peak, MiB",
        "others, %",
    )
    rows = [
        (
            fleet,
            f"{sizes_mb[fleet]:.1f}",
            f"{each[0].output:.1f}",
            Spread([run.wall for run in each]).show(1),
            Spread([run.user for run in each]).show(1),
            Spread([run.system for run in each]).show(1),
            Spread([run.peak for run in each]).show(0),
            Spread([run.others for run in each]).show(0, 100),
        )
        for fleet, each in runs.items()
    ]
    rows.append(("limit at 5,000", "", "", f"{LIMIT_SECONDS:g}", "", "", f"{LIMIT_MIB:g}", ""))
    say_table(header, rows)
    say("Median (min-max). `others`: share of the machine that other processes took meanwhile.\n")


def _say_stages(stages: dict[str, dict[str, float]]) -> None:
    say("Seconds by stage, in one process without the start of the program:\n")
    names = list(next(iter(stages.values())))
    rows = [
        (fleet, *(f"{each[name]:.2f}" for name in names), f"{sum(each.values()):.2f}")
        for fleet, each in stages.items()
    ]
    say_table(("groups", *names, "sum"), rows)


if __name__ == "__main__":
    sys.exit(main())
