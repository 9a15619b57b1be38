"""What came of the writes of one pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshsplit.kube.port import ApiError, Conflict, Forbidden

PATIENCE = 3
"""Attempts in a row that may fail before the status says so: a restart of the API server is no news."""

_REFUSALS = (400, 422)
"""HTTP statuses by which the API server, or a webhook through it, says that an object itself is wrong."""


@dataclass(slots=True)
class Written:
    """`rejected` is what was said against an object, by its name. `error` is the first one: try again.

    `pause` are the seconds until the key wants to be looked at again, because an object was left for later.
    """

    rejected: dict[str, str] = field(default_factory=dict)
    error: ApiError | None = None
    pause: float = 0.0

    def note(self, name: str, error: ApiError) -> None:
        """An object was not written."""
        if is_refusal(error):
            self.rejected[name] = f"the API server refused VirtualService {name}: {error.message}"
        self.error = self.error or error

    def say_failure(self, failures: int) -> str:
        """What the status says of an error after `failures` earlier ones in a row; "" while it is no news."""
        error = self.error
        if error is None or is_refusal(error):
            return ""
        if isinstance(error, Forbidden) or (failures >= PATIENCE and not isinstance(error, Conflict)):
            return f"cannot write: {error}"
        return ""


def is_refusal(error: ApiError) -> bool:
    """Whether the object is wrong, as opposed to the moment or the permissions."""
    if isinstance(error, Forbidden):
        return "admission" in error.message.lower()
    return error.status in _REFUSALS
