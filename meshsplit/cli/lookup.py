"""Find one ModelSplit by name, or say what there is instead."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from meshsplit.cli.cluster import Cluster
from meshsplit.cli.kinds import INFERENCE_SERVICES, MODEL_SPLITS
from meshsplit.cli.splits import LiveSplit, to_live_split
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.kserve.keys import MODEL_TAG

SHOWN = 5
"""Names that a message lists at most."""


def find_split(cluster: Cluster, name: str, program: str) -> LiveSplit:
    """The ModelSplit `name` of the cluster's namespace; CannotAnswer says what else there is."""
    namespace = cluster.namespace
    body = cluster.find(MODEL_SPLITS, namespace, name)
    if body is not None:
        return to_live_split(body)
    others = [to_live_split(each) for each in cluster.list(MODEL_SPLITS, namespace)]
    raise no_such_split(name, namespace, others, cluster, program)


def choose(
    splits: Sequence[LiveSplit], names: Sequence[str], namespace: str, cluster: Cluster, program: str
) -> list[LiveSplit]:
    """Those of the given names, all where none is given; CannotAnswer for a name that nothing has."""
    for name in names:
        if all(split.name != name for split in splits):
            raise no_such_split(name, namespace, splits, cluster, program)
    return [split for split in splits if not names or split.name in names]


def no_such_split(
    name: str, namespace: str, others: Iterable[LiveSplit], cluster: Cluster, program: str
) -> CannotAnswer:
    """The error for a name that no ModelSplit has; tells a group nobody looked at from a typing mistake."""
    where = f"in namespace {namespace}" if namespace else "in any namespace"
    tagged = [] if not namespace else _tagged(cluster, namespace, name)
    if tagged:
        return CannotAnswer(
            f"no ModelSplit {name} {where}, though {', '.join(tagged)} carry that tag: "
            "no controller has looked at them",
            following=f"{program} check -n {namespace}{cluster.flags}",
        )
    names = [split.name for split in others]
    near = get_close_matches(name, names, n=SHOWN) or names[:SHOWN]
    there = f"; there is {', '.join(near)}" if near else ""
    return CannotAnswer(f"no ModelSplit {name} {where}{there}", following=f"{program} get -A{cluster.flags}")


def _tagged(cluster: Cluster, namespace: str, tag: str) -> list[str]:
    try:
        services = cluster.list(INFERENCE_SERVICES, namespace, f"{MODEL_TAG}={tag}")
    except CannotAnswer:
        # Only a hint: the answer, that there is no such split, stands without it.
        return []
    return [service["metadata"]["name"] for service in services][:SHOWN]
