"""Variants measured in turns (A B C A B C …), so that what else the machine does falls on all of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from bench import wrk
from bench.backend import PATH_HEADER
from bench.cpu import Clock, get_cpu_seconds, wait_for_calm
from bench.report import Spread

# A round is calm when others took less than this share of the machine during each of its runs.
CALM = 0.1
# How many rounds are tried for one that is kept, when the machine is not calm.
TRIES = 2
# How long a measurement waits in all for others to be calm before it begins a round.
PATIENCE_SECONDS = 300.0

# At 80/20, 100 requests that miss a member are one case in five thousand million.
_CHECKS = 100
_CHECK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Variant:
    """One path of one gateway, and the models that answer it."""

    name: str
    gateway_pid: int
    gateway_port: int
    host: str
    path: str
    models: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often and with how many connections every variant is measured."""

    rounds: int
    seconds: float
    connections: int

    def __str__(self) -> str:
        return f"{self.rounds} rounds of {self.seconds:g} s on {self.connections} connections"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: seconds of gateway CPU a request, requests a second, cores taken, share of others (0 to 1)."""

    cpu: float
    rate: float
    gateway_cores: float
    backend_cores: float
    others: float


@dataclass(frozen=True, slots=True)
class Rounds:
    """The samples of the calmest rounds by variant, all of the same rounds, and how many were tried."""

    samples: dict[str, list[Sample]]
    tried: int

    def spread(self, name: str, figure: str) -> Spread:
        """One figure of a variant."""
        return Spread([getattr(sample, figure) for sample in self.samples[name]])

    def ratios(self, name: str, base: str, figure: str) -> Spread:
        """The figure of a variant over that of `base` in the same round."""
        pairs = zip(self.spread(name, figure).values, self.spread(base, figure).values, strict=True)
        return Spread([value / under for value, under in pairs])

    def __str__(self) -> str:
        others = Spread([sample.others for runs in self.samples.values() for sample in runs])
        kept = len(next(iter(self.samples.values())))
        return (
            f"Median (min-max) over the {kept} calmest of {self.tried} rounds; "
            f"in these, other processes took {others.show(0, 100)} % of the machine during a run."
        )


class WrongRoute(Exception):  # noqa: N818 - it names what was found
    """A variant does not reach the models it is meant to: measuring it would mean nothing."""


def require_models(variant: Variant) -> None:
    """Send a few requests; WrongRoute unless they reach exactly the variant's models, under their names."""
    connection = HTTPConnection("127.0.0.1", variant.gateway_port, timeout=_CHECK_SECONDS)
    served: set[str] = set()
    for _ in range(_CHECKS):
        connection.request("POST", variant.path, wrk.BODY, {"host": variant.host})
        answer = connection.getresponse()
        answer.read()
        served.add(f"{answer.status} {answer.getheader(PATH_HEADER)}")
    connection.close()
    wanted = {f"200 /v2/models/{model}/infer" for model in variant.models}
    if served != wanted:
        raise WrongRoute(f"{variant.name}: {sorted(served)} instead of {sorted(wanted)}")


def measure_in_rounds(variants: Sequence[Variant], plan: Plan, backend_pid: int, folder: Path) -> Rounds:
    """Measure rounds until enough of them were calm or enough were tried, and keep the calmest."""
    pids = sorted({backend_pid, *(variant.gateway_pid for variant in variants)})
    deadline = time.monotonic() + PATIENCE_SECONDS
    tried: list[list[Sample]] = []
    while len(tried) < TRIES * plan.rounds and sum(_noise(each) < CALM for each in tried) < plan.rounds:
        wait_for_calm(pids, CALM, deadline)
        tried.append([_measure(variant, plan, backend_pid, pids, folder) for variant in variants])
    kept = sorted(tried, key=_noise)[: plan.rounds]
    by_variant = zip(*kept, strict=True)
    samples = {variant.name: list(runs) for variant, runs in zip(variants, by_variant, strict=True)}
    return Rounds(samples, len(tried))


def _noise(samples: Sequence[Sample]) -> float:
    return max(sample.others for sample in samples)


def _measure(variant: Variant, plan: Plan, backend_pid: int, pids: Sequence[int], folder: Path) -> Sample:
    start, gateway, backend = Clock.now(pids), *_read(variant, backend_pid)
    url = f"http://127.0.0.1:{variant.gateway_port}{variant.path}"
    load = wrk.send(url, variant.host, plan.seconds, plan.connections, folder)
    end, gateway_end, backend_end = Clock.now(pids), *_read(variant, backend_pid)
    return Sample(
        cpu=(gateway_end - gateway) / load.requests,
        rate=load.requests / load.seconds,
        gateway_cores=(gateway_end - gateway) / load.seconds,
        backend_cores=(backend_end - backend) / load.seconds,
        others=end.others_since(start),
    )


def _read(variant: Variant, backend_pid: int) -> tuple[float, float]:
    return get_cpu_seconds(variant.gateway_pid), get_cpu_seconds(backend_pid)
