"""What the controller goes on from, read back from a ModelSplit."""

from pydantic import ValidationError

from meshsplit.api.modelsplit import ModelSplitSpec
from meshsplit.cli.splits import LiveSplit, mapping
from meshsplit.rollout.spec import RolloutSpec, to_rollout_spec
from meshsplit.rollout.state import RolloutState
from meshsplit.rollout.storage import Unreadable, to_state


def read_rollout(split: LiveSplit) -> tuple[RolloutSpec, RolloutState] | None:
    """What is asked of its rollouts and what is remembered of them; None where another version wrote that."""
    try:
        spec = to_rollout_spec(ModelSplitSpec.model_validate(mapping(split.body, "spec")))
        state = to_state(split.status.checkpoint) if split.status.checkpoint else RolloutState()
    except (ValidationError, Unreadable):
        return None
    return spec, state
