"""Wait for something that another thread brings about."""

import time
from collections.abc import Callable

DEADLINE_SECONDS = 20.0
"""Far beyond what anything here takes, so that a busy machine fails no test."""

_LOOK_SECONDS = 0.005


def eventually(condition: Callable[[], object], what: str = "the condition") -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(_LOOK_SECONDS)
