"""What stable did before a rollout, told by samples of its counters: how often it failed, in what bursts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from meshsplit.analysis.dispersion import Halves, estimate_icc
from meshsplit.analysis.guess import Past

PAST_SECONDS = 1800.0
"""As far back as stable's rate is guessed from; a longer past is slow to forget what it was at night."""
BURST_SECONDS = 4 * 3600.0
"""As far back as bursts are looked for: they are rare, so it takes hours to see how large they are."""
STEP_SECONDS = 15.0
"""Between two samples: the shortest block in which bursts are looked for."""

FEWEST_PODS = 2


@dataclass(frozen=True, slots=True)
class Track:
    """One counter over time: the pod that counts, whether bad events, and (Unix seconds, value) in order."""

    pod: str
    bad: bool
    samples: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class StablePast:
    """Stable's counts of the last half hour, and the intra-class correlation of its errors.

    `icc` is 0 where its pods are not told apart: then nobody can say.
    """

    past: Past = Past()  # noqa: RUF009 - frozen
    icc: float = 0.0

    def after(self, requests: float, bad: float) -> "StablePast":
        """The past once this was counted too."""
        return replace(self, past=self.past.after(requests, bad))


Steps = list[float]


def to_stable_past(tracks: Iterable[Track], until: float, own_pods: bool) -> StablePast:
    """What the counters tell, sampled every `STEP_SECONDS` for `BURST_SECONDS` up to `until` (Unix seconds).

    `own_pods` says that the member's own pods count. Where a gateway does, its pods see the same bursts, and
    their difference says nothing of them.
    """
    requests, bad = _count(tracks, until)
    first = len(_no_steps()) - round(PAST_SECONDS / STEP_SECONDS)
    past = Past(*(math.fsum(sum(steps[first:]) for steps in each.values()) for each in (requests, bad)))
    if not own_pods or len(requests) < FEWEST_PODS:
        return StablePast(past)
    return StablePast(past, estimate_icc(_halve(requests, bad), STEP_SECONDS))


def _no_steps() -> Steps:
    return [0.0] * round(BURST_SECONDS / STEP_SECONDS)


def _count(tracks: Iterable[Track], until: float) -> tuple[Mapping[str, Steps], Mapping[str, Steps]]:
    """Requests and bad ones of each pod in each step, by the rules of `counters.py`.

    A series that begins after its pod was seen began at 0; any other first value is a start.
    """
    sound = [(track, kept) for track in tracks if (kept := _keep_sound(track))]
    seen: dict[str, float] = {}
    for track, samples in sound:
        seen[track.pod] = min(seen.get(track.pod, math.inf), samples[0][0])
    requests: dict[str, Steps] = {pod: _no_steps() for pod in sorted(seen)}
    bad: dict[str, Steps] = {pod: _no_steps() for pod in sorted(seen)}
    last = len(_no_steps()) - 1
    for track, samples in sound:
        at, before = samples[0]
        if at > seen[track.pod]:
            before = 0.0
        for at, value in samples:
            increment = value - before if value >= before else value
            before = value
            step = last - round((until - at) / STEP_SECONDS)
            if increment and 0 <= step <= last:
                requests[track.pod][step] += increment
                if track.bad:
                    bad[track.pod][step] += increment
    return requests, bad


def _keep_sound(track: Track) -> list[tuple[float, float]]:
    return [(at, value) for at, value in track.samples if math.isfinite(value) and value >= 0]


def _halve(requests: Mapping[str, Steps], bad: Mapping[str, Steps]) -> list[Halves]:
    """The pods in two halves that served about as much, step by step."""
    halves = [(_no_steps(), _no_steps()), (_no_steps(), _no_steps())]
    served = [0.0, 0.0]
    for pod in sorted(requests, key=lambda pod: (-sum(requests[pod]), pod)):
        at = 0 if served[0] <= served[1] else 1
        served[at] += sum(requests[pod])
        for total, steps in zip(halves[at], (requests[pod], bad[pod]), strict=True):
            total[:] = [a + b for a, b in zip(total, steps, strict=True)]
    (n_a, e_a), (n_b, e_b) = halves
    return [Halves(*each) for each in zip(n_a, e_a, n_b, e_b, strict=True)]
