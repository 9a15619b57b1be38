"""Objects as the API server holds them: JSON values that are never changed once stored."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

# Set by the server alone; what a client sends there is replaced.
SYSTEM_METADATA = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)


def copy_of(value: Any) -> Any:
    """A deep copy of a JSON value."""
    if isinstance(value, dict):
        return {key: copy_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy_of(item) for item in value]
    return value


def version_of(stored: Json) -> int:
    """The resourceVersion of a stored object."""
    return int(stored["metadata"]["resourceVersion"])


def without_metadata(stored: Json, *names: str) -> Json:
    """The object without some of its metadata; shares everything else with the original."""
    kept = {key: value for key, value in stored["metadata"].items() if key not in names}
    return {**stored, "metadata": kept}
