"""Events into the cluster, each once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from meshsplit.api.wire import to_rfc3339
from meshsplit.controller.resources import EVENTS
from meshsplit.kube.port import FIELD_MANAGER, ApiError, Conflict

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from meshsplit.controller.transitions import Happening
    from meshsplit.diagnostics import ObjectRef
    from meshsplit.kube.port import Writer

REMEMBERED = 10_000
"""Events that are not sent again; one that is forgotten is sent and refused as already there."""


class Recorder:
    """Writes Events; one that cannot be written is given up, since a pass must not fail for it.

    `on_error` gets what went wrong. `record` is for any thread.
    """

    def __init__(self, api: Writer, instance: str, on_error: Callable[[ApiError], object]) -> None:
        self._api = api
        self._instance = instance
        self._on_error = on_error
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    def record(self, happening: Happening, api_version: str, uid: str, now: datetime) -> None:
        """Tell it, unless it was told before; `api_version` and `uid` are those of the object it is about."""
        key = (happening.regarding.namespace, happening.name)
        if key in self._told:
            return
        try:
            self._api.create(EVENTS, make_event(happening, api_version, uid, self._instance, now))
        except Conflict:
            pass  # told before a restart
        except ApiError as error:
            self._on_error(error)
            return
        self._told[key] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)


def make_event(
    happening: Happening, api_version: str, uid: str, instance: str, now: datetime
) -> dict[str, Any]:
    """The core/v1 Event."""
    ref: ObjectRef = happening.regarding
    time = to_rfc3339(now)
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": happening.name, "namespace": ref.namespace},
        "involvedObject": {
            "apiVersion": api_version,
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": uid,
        },
        "type": happening.type,
        "reason": happening.reason,
        "message": happening.message,
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
        "reportingComponent": f"meshsplit.dev/{FIELD_MANAGER}",
        "reportingInstance": instance,
    }
