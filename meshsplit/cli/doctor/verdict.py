"""What one check of the cluster came to, and how a check that may not look is told from one that fails."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from meshsplit.cli.cluster import Cluster, Object
from meshsplit.cli.kinds import DEPLOYMENTS, MODEL_SPLITS, NAMESPACES
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.kube.port import Resource


class Level(StrEnum):
    """How a check ended; only a failure makes the answer no."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the answer: what was found and, unless all is well, what to do about it."""

    level: Level
    text: str
    fix: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """The cluster with the part that is looked at: one namespace, or all of them when "".

    `prometheus` is where from here the Prometheus of every ModelSplit is reached, "" for as it is written.
    """

    cluster: Cluster
    namespace: str
    system_namespace: str
    prometheus: str = ""

    def namespaces(self) -> list[Object]:
        """The Namespaces that are looked at; none when the named one does not exist."""
        if not self.namespace:
            return self.cluster.list(NAMESPACES)
        found = self.cluster.find(NAMESPACES, "", self.namespace)
        return [] if found is None else [found]

    def splits(self) -> list[Object]:
        """The ModelSplits that are looked at; none when there is no such kind, which check_crd tells."""
        return self.list_if_known(MODEL_SPLITS, self.namespace)

    def deployments(self, namespace: str, labels: str) -> list[Object]:
        """Deployments; none on a server that runs nothing, such as the embedded one."""
        return self.list_if_known(DEPLOYMENTS, namespace, labels)

    def list_if_known(self, resource: Resource, namespace: str, labels: str = "") -> list[Object]:
        """Objects; none of a kind that the cluster does not have."""
        try:
            return self.cluster.list(resource, namespace, labels)
        except CannotAnswer as error:
            if error.is_missing:
                return []
            raise


Check = Callable[[Patient], Iterable[Verdict]]


def count(amount: int, noun: str) -> str:
    """The number with its noun: 1 group, 2 groups."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def ok(text: str) -> Verdict:
    """As it should be."""
    return Verdict(Level.OK, text)


def run_check(check: Check, patient: Patient) -> Iterator[Verdict]:
    """The verdicts of one check; what it may not read is unknown, what the cluster does not have a failure.

    A cluster that does not answer at all raises CannotAnswer.
    """
    try:
        yield from check(patient)
    except CannotAnswer as error:
        if error.is_forbidden:
            yield Verdict(Level.UNKNOWN, f"not checked: {error.found}", error.fix)
        elif error.is_missing:
            yield Verdict(Level.FAILURE, error.found, error.fix)
        else:
            raise
