"""Tells what becomes of DistributedInferenceServices: their status, and Events."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from meshsplit.api.disvc import API_VERSION, KIND
from meshsplit.api.status import READY
from meshsplit.controller.resources import DISVCS
from meshsplit.controller.transitions import Happening, make_name
from meshsplit.disvc.decode import to_live_disvc
from meshsplit.disvc.objects import Disvc, UnreadableDisvc
from meshsplit.disvc.report import PROGRESSING, SERVED_NAME
from meshsplit.kube.port import ObjectKey
from meshsplit.kube.wire import from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from meshsplit.api.disvc import DistributedInferenceServiceStatus
    from meshsplit.controller.disvc.cache import DisvcCache
    from meshsplit.controller.recorder import Recorder
    from meshsplit.disvc.news import News
    from meshsplit.kube.port import Writer

log = logging.getLogger(__name__)

D = TypeVar("D", Disvc, UnreadableDisvc)

_TOLD = (READY, PROGRESSING, SERVED_NAME)
"""Conditions of which it is told when they turn False."""

_WAITING = ("NotServing", "ReplicaNotReady", "WriteFailed")
"""Reasons that pass by themselves."""


class Reports:
    """Writes statuses and Events; every answer of the server goes into `cache`.

    An answer may hold what a user has changed in the meantime; the watch then has nothing new to tell of it,
    so `on_news` gets the key.
    """

    def __init__(
        self,
        writer: Writer,
        cache: DisvcCache,
        recorder: Recorder,
        now: Callable[[], datetime],
        on_news: Callable[[ObjectKey], object],
    ) -> None:
        self._writer = writer
        self._cache = cache
        self._recorder = recorder
        self._now = now
        self._on_news = on_news

    def write(self, disvc: D, status: DistributedInferenceServiceStatus) -> D:
        """Write the status, unless it is there; what it is about with it. Raises ApiError."""
        if disvc.status != status:
            body = {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": {
                    "name": disvc.identity.ref.name,
                    "namespace": disvc.identity.ref.namespace,
                    "uid": disvc.identity.uid,
                },
                "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
            }
            answer = to_live_disvc(from_json(self._writer.apply_status(DISVCS, body)))
            key = ObjectKey(answer.identity.ref.namespace, answer.identity.ref.name)
            self._cache.disvcs.upsert(key, answer)
            if (answer.generation, answer.deleting) != (disvc.generation, disvc.deleting):
                self._on_news(key)
        return replace(disvc, status=status)

    def tell(self, disvc: Disvc, news: Iterable[News]) -> None:
        """Tell what becomes of its versions."""
        for each in news:
            name = make_name(disvc.name, disvc.identity.uid, each.reason, each.message, each.since)
            happening = Happening(name, disvc.identity.ref, "Normal", each.reason, each.message)
            self._record(disvc, happening)
            log.info(each.message, extra={"disvc": f"{disvc.namespace}/{disvc.name}", "reason": each.reason})

    def tell_conditions(
        self, disvc: Disvc | UnreadableDisvc, status: DistributedInferenceServiceStatus
    ) -> None:
        """Tell what has turned wrong and stays so until somebody does something."""
        ref = disvc.identity.ref
        for kind in _TOLD:
            new = status.condition(kind)
            if new is None or new.status != "False" or new.reason in _WAITING:
                continue
            name = make_name(
                ref.name, disvc.identity.uid, kind, new.reason, new.message, new.last_transition_time
            )
            self._record(disvc, Happening(name, ref, "Warning", new.reason, new.message))

    def _record(self, disvc: Disvc | UnreadableDisvc, happening: Happening) -> None:
        self._recorder.record(happening, API_VERSION, disvc.identity.uid, self._now())
