"""One sick pod or a bad version: evidence of harm without each pod of the canary.

One sick pod of a small canary cannot be told from a bad version. With three pods or more it can: when the
evidence falls below what a rollback needs as soon as one pod is left out, that pod is named and the weight
held.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from meshsplit.analysis.counts import Counts, find_problem
from meshsplit.analysis.rollback import Harm, Wager, bet
from meshsplit.analysis.rules import Shape

FEWEST_PODS = 3
MOST_PODS = 32
"""Pods that are followed; one of more than these is too little of the canary to bring it down alone."""

PodCounts = Mapping[str, tuple[float, float]]
"""Requests and bad events of one read, by pod of the canary."""


@dataclass(frozen=True, slots=True)
class Without:
    """Evidence of harm from all pods but one."""

    pod: str
    harm: Harm


def bet_without(
    known: tuple[Without, ...], before: Harm, counts: Counts, pods: PodCounts, wager: Wager
) -> tuple[Without, ...]:
    """The processes after one more read, sorted by pod; `before` is the one of all pods, before the read.

    A pod that is new has served nothing so far, so without it the past is the past of all.
    """
    processes = {each.pod: each.harm for each in known}
    for pod in sorted(pods):
        if len(processes) < MOST_PODS:
            processes.setdefault(pod, before)
    return tuple(
        Without(pod, bet(harm, _less(counts, *pods.get(pod, (0.0, 0.0))), wager))
        for pod, harm in sorted(processes.items())
    )


def _less(counts: Counts, requests: float, bad: float) -> Counts:
    """The counts without one pod's; all of them where that pod's are none, such as a negative number."""
    rest = replace(
        counts, canary_requests=counts.canary_requests - requests, canary_bad=counts.canary_bad - bad
    )
    return counts if find_problem(rest) or requests < 0 or bad < 0 else rest


def find_suspect(processes: tuple[Without, ...], shape: Shape) -> tuple[str, float] | None:
    """The pod whose absence leaves the least evidence of harm, and ln of that; None below three pods."""
    if len(processes) < FEWEST_PODS:
        return None
    evidence = [(each.harm.log_evidence(shape), each.pod) for each in processes]
    log_harm, pod = min(evidence)
    return pod, log_harm
