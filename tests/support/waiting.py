"""Wait for something that another thread brings about."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 60.0
"""Far beyond what anything here takes, so that a busy machine fails no test: two programs that start beside
two workers need ten seconds, and the next to lead needs up to twenty."""

_LOOK_SECONDS = 0.005


def eventually(
    condition: Callable[[], object],
    what: str | Callable[[], str] = "the condition",
    seconds: float = DEADLINE_SECONDS,
) -> None:
    """`what` says what is waited for; where it is a function it may also say what is there instead."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what() if callable(what) else what} did not come true"
        time.sleep(_LOOK_SECONDS)
