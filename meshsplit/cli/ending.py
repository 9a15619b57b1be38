"""How a rollout ended, and whether the status knows of the target that is written now."""

from collections.abc import Mapping
from enum import StrEnum

from meshsplit.api.status import PROMOTED, ConditionStatus
from meshsplit.cli.cluster import Cluster
from meshsplit.cli.kinds import INFERENCE_SERVICES
from meshsplit.cli.situation import find_written_targets
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.kserve.keys import MODEL_TAG
from meshsplit.model import FULL
from meshsplit.rollout.state import Phase


class End(StrEnum):
    """How a rollout ended; the words are those of the lines that tell of it."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    ABORTED = "aborted"


def find_end(split: LiveSplit) -> End | None:
    """How the last rollout ended, None while one is under way or the status is behind the object.

    A group without a strategy has no rollouts: it is promoted as soon as its target serves.
    """
    if split.is_stale or split.ready is None:
        return None
    promoted = split.status.condition(PROMOTED)
    if promoted is None:
        serves = split.ready.status == "True" and split.ready.reason == Phase.STEADY
        return End.PROMOTED if serves and split.strategy == "Static" else None
    if _is_of_another_rollout(promoted, split):
        return None
    if promoted.status == "True":
        return End.PROMOTED
    if promoted.status == "False":
        return End.ABORTED if promoted.reason == Phase.ABORTED else End.ROLLED_BACK
    return None


def _is_of_another_rollout(promoted: ConditionStatus, split: LiveSplit) -> bool:
    """Whether the condition was said before the last decision was kept, of the rollout that was there then.

    The controller keeps a decision before it acts on it, and says its conditions after that.
    """
    rollout = split.status.rollout
    return rollout is not None and promoted.reason != rollout.state


def knows_target(cluster: Cluster, split: LiveSplit) -> bool:
    """Whether the status is about the target that the members' annotations ask for now.

    An edit of a member changes nothing of the ModelSplit, so its generation does not tell. True where the
    members cannot be listed.
    """
    try:
        labels = f"{MODEL_TAG}={split.group}"
        services = cluster.list(INFERENCE_SERVICES, split.namespace, labels)
    except CannotAnswer:
        return True
    written = find_written_targets(split, {each["metadata"]["name"]: each for each in services})
    told = {member.name: str(member.target_weight) for member in split.status.members}
    return not _is_valid(written) or written == told


def _is_valid(written: Mapping[str, str]) -> bool:
    """Whether the controller can take it as a target at all; of a single member the number is ignored."""
    shares = [text for text in written.values() if text.isascii() and text.isdigit()]
    return len(written) > 1 and len(shares) == len(written) and sum(map(int, shares)) == FULL
