"""The state as JSON text and back, without loss."""

from pydantic import TypeAdapter, ValidationError

from meshsplit.rollout.state import RolloutState

_ADAPTER = TypeAdapter(RolloutState)


class Unreadable(ValueError):  # noqa: N818 - it says what the text is
    """A text is not a state that this version wrote."""


def to_text(state: RolloutState) -> str:
    """The state as compact JSON; equal states give equal texts."""
    return _ADAPTER.dump_json(state, exclude_defaults=True).decode()


def to_state(text: str) -> RolloutState:
    """The state that `to_text` wrote; Unreadable for anything else."""
    try:
        return _ADAPTER.validate_json(text)
    except (ValidationError, ValueError) as error:
        raise Unreadable(f"the state of the rollout cannot be read: {error}") from error
