"""Hours of stable's past in a real Prometheus: what a rollout learns of it before it begins."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from meshsplit.analysis.metrics import MetricRequest
from meshsplit.analysis.past import BURST_SECONDS, PAST_SECONDS, STEP_SECONDS
from meshsplit.metrics.prometheus import LAG_SECONDS, PrometheusSource
from meshsplit.model import GroupKey
from meshsplit.simulation.chance import draw_bursty
from support.prometheus import prometheus, require_prometheus
from support.readings import request
from support.serving import NAMESPACE, NEW, OLD, modelmesh, standard

pytestmark = pytest.mark.xdist_group("prometheus")

ICC, RATE, REQUESTS = 0.02, 0.01, 300
SHARED = '{pod="%s",instance="%s:2112",job="models",namespace="%s",vModelId="%s",code="%s"} %d %.3f'
NAME = "modelmesh_api_request_milliseconds_count"
ENDED = time.time() - 30.0
"""Of what is in the past: the present is not scraped."""


def write_history(file: Path) -> tuple[int, int]:
    """Two pods of four hours and a half, whose errors come in bursts; what they served in the last 30 min."""
    chance, lines = Random(3), [f"# TYPE {NAME.removesuffix('_count')} histogram"]
    steps = round((BURST_SECONDS + 1800) / STEP_SECONDS)
    served = failed = 0
    for pod in ("mm-0", "mm-1"):
        good, bad, samples = 1000, 10, []
        for step in range(steps):
            at = ENDED - STEP_SECONDS * (steps - 1 - step)
            drawn = draw_bursty(chance, REQUESTS, RATE, ICC)
            good, bad = good + REQUESTS - drawn, bad + drawn
            samples.append((at, good, bad))
        first = round(PAST_SECONDS / STEP_SECONDS)
        then = samples[-first - 1]
        served += good + bad - then[1] - then[2]
        failed += bad - then[2]
        for code, at_column in (("OK", 1), ("INTERNAL", 2)):
            lines += [
                NAME + SHARED % (pod, pod, NAMESPACE, OLD, code, sample[at_column], sample[0])
                for sample in samples
            ]
    file.write_text("\n".join([*lines, "# EOF\n"]))
    return served, failed


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PrometheusSource, tuple[int, int]]]:
    require_prometheus()
    folder = tmp_path_factory.mktemp("prometheus")
    counted = write_history(folder / "history")
    create = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "history")]
    made = subprocess.run([*create, str(folder / "data")], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    with prometheus(folder, {}) as server:
        source = PrometheusSource(server.url, timeout=60)
        yield source, counted
        source.close()


def test_stables_rate_and_bursts_are_what_its_pods_counted(
    told: tuple[PrometheusSource, tuple[int, int]],
) -> None:
    source, (served, failed) = told
    asked = request(modelmesh(OLD))
    past = source.read_past([asked], ENDED + LAG_SECONDS)[asked.key]
    assert (past.past.requests, past.past.bad) == pytest.approx((served, failed), rel=0.02, abs=20)
    assert 0.5 * ICC < past.icc < 3 * ICC


def test_one_query_tells_the_past_of_many_and_of_nobody_elses(
    told: tuple[PrometheusSource, tuple[int, int]],
) -> None:
    source, _ = told

    def ask(name: str, *members: object) -> MetricRequest:
        return replace(request(*members), split=GroupKey(NAMESPACE, name))  # type: ignore[arg-type]

    known = [ask(f"g{number}", modelmesh(OLD)) for number in range(60)]
    silent, elsewhere = ask("silent", modelmesh(NEW)), ask("gateway", standard(OLD))
    pasts = source.read_past([*known, silent, elsewhere], ENDED + LAG_SECONDS)
    assert len({pasts[each.key] for each in known}) == 1
    assert pasts[silent.key].past.requests == pasts[elsewhere.key].past.requests == 0
    assert pasts[silent.key].icc == 0
