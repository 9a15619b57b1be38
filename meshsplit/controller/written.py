"""What came of the writes of one pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshsplit.kube.port import ApiError, Forbidden

PATIENCE = 3
"""Attempts in a row that may fail before the status says so: a restart of the API server is no news."""

_REFUSALS = (400, 422)
"""HTTP statuses by which the API server, or a webhook through it, says that an object itself is wrong."""


@dataclass(slots=True)
class Written:
    """`rejected` is what was said against an object, by its name. `error` is the first one: try again.

    `missing` are the names of all objects that are not as they should be. `pause` are the seconds until the
    key wants to be looked at again, because an object was left for later.
    """

    rejected: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    error: ApiError | None = None
    pause: float = 0.0

    def note(self, name: str, error: ApiError) -> None:
        """An object was not written."""
        self.missing.add(name)
        if is_refusal(error):
            self.rejected[name] = f"the API server refused VirtualService {name}: {error.message}"
        self.error = self.error or error

    def say_failure(self, failures: int) -> str:
        """What the status says of an error after `failures` earlier ones in a row; "" while it is no news."""
        error = self.error
        if error is None or is_refusal(error):
            return ""
        lasting = isinstance(error, Forbidden) or failures >= PATIENCE
        return f"cannot write: {error}" if lasting else ""

    def may_pass(self, failures: int) -> bool:
        """Whether something failed of which nothing is said yet."""
        return self.error is not None and not self.rejected and not self.say_failure(failures)


def is_refusal(error: ApiError) -> bool:
    """Whether the object is wrong, as opposed to the moment or the permissions."""
    if isinstance(error, Forbidden):
        return "admission" in error.message.lower()
    return error.status in _REFUSALS


def sooner(first: float, second: float) -> float:
    """The earlier of two times to look again, in seconds from now; 0 is never."""
    return min((seconds for seconds in (first, second) if seconds > 0.0), default=0.0)
