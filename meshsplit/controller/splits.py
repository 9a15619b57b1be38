"""The one place that writes ModelSplits: mirrors, and the status of every one."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from meshsplit.api.modelsplit import API_VERSION, KIND
from meshsplit.controller.live import LiveSplit, to_live_split
from meshsplit.controller.mirror import RELEASE, make_mirror
from meshsplit.controller.resources import MODEL_SPLITS
from meshsplit.kube.port import NotFound, ObjectKey
from meshsplit.kube.wire import from_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.api.status import ModelSplitStatus
    from meshsplit.controller.index import Key
    from meshsplit.kube.port import Writer
    from meshsplit.kube.store import Store
    from meshsplit.model import GroupKey, Settings

log = logging.getLogger(__name__)


class Splits:
    """Writes ModelSplits; every answer of the server goes into `store`. All raise ApiError.

    An answer may hold what a user has changed in the meantime; the watch then has nothing new to tell of it,
    so `on_news` gets whom that concerns.
    """

    def __init__(
        self,
        api: Writer,
        settings: Settings,
        store: Store[LiveSplit, Key],
        on_news: Callable[[frozenset[Key]], object],
    ) -> None:
        self._api = api
        self._settings = settings
        self._store = store
        self._on_news = on_news

    def create_mirror(self, key: GroupKey) -> LiveSplit:
        """The mirror of a group; Conflict when somebody made a ModelSplit of that name in the meantime."""
        where = ObjectKey(key.namespace, key.name)
        live = self._write(where, lambda: self._api.apply(MODEL_SPLITS, make_mirror(key), force=False))
        log.info("mirrored", extra={"group": str(key)})
        return live

    def release(self, split: LiveSplit) -> LiveSplit:
        """Leave a mirror to the user who has taken it over."""
        ref = split.reading.split.ref
        live = self._write(
            ObjectKey(ref.namespace, ref.name),
            lambda: self._api.patch(MODEL_SPLITS, ref.namespace, ref.name, RELEASE),
            split,
        )
        log.info("released", extra={"group": str(split.key)})
        return live

    def delete(self, split: LiveSplit) -> None:
        """Delete a mirror as it was seen; Conflict when it is another one by now, or a user's."""
        identity, version = split.reading.split.identity, split.version
        key = ObjectKey(identity.ref.namespace, identity.ref.name)
        with suppress(NotFound):
            self._api.delete(MODEL_SPLITS, key.namespace, key.name, uid=identity.uid, version=version)
        self._store.delete(key, version)
        log.info("unmirrored", extra={"group": str(split.key)})

    def report(self, split: LiveSplit, status: ModelSplitStatus) -> LiveSplit | None:
        """Write the status, unless it is there; `split` with it, None when the object is gone.

        What it asks for stays as the caller has read it: that is what the status is about.
        """
        if split.has_status and split.status == status:
            return split
        ref = split.reading.split.ref
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": ref.name,
                "namespace": ref.namespace,
                "uid": split.reading.split.identity.uid,
            },
            "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        try:
            live = self._write(
                ObjectKey(ref.namespace, ref.name),
                lambda: self._api.apply_status(MODEL_SPLITS, body),
                split,
            )
        except NotFound:
            return None
        return replace(split, reported=live.reported, walked=live.walked, version=live.version)

    def _write(
        self,
        key: ObjectKey,
        send: Callable[[], bytes],
        before: LiveSplit | None = None,
    ) -> LiveSplit:
        live = None
        self._store.hold(key)
        try:
            live = to_live_split(from_json(send()), self._settings, before)
        finally:
            touched, news = self._store.settle(key, live)
            if news or (live is not None and _is_edited(live, before)):
                self._on_news(touched)
        return live


def _is_edited(live: LiveSplit, before: LiveSplit | None) -> bool:
    """Whether a user wrote what the answer holds, after `before` was read, or before there was a mirror."""
    return live.taken_over if before is None else _asked(live) != _asked(before)


def _asked(split: LiveSplit) -> tuple[object, ...]:
    """All of a ModelSplit that users write."""
    return split.reading, split.generation, split.request, split.deleting, split.taken_over
