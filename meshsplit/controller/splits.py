"""The one place that writes ModelSplits: mirrors, and the status of every one."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from meshsplit.api.modelsplit import API_VERSION, KIND
from meshsplit.controller.live import LiveSplit, to_live_split
from meshsplit.controller.mirror import RELEASE, make_mirror
from meshsplit.controller.resources import MODEL_SPLITS
from meshsplit.kube.port import NotFound, ObjectKey

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

    `on_overtaken` gets the groups to look at again because such an answer shows what no watch has told yet:
    its event comes later, about a version that is then older than the one in the store, and says nothing new.
    """

    def __init__(
        self,
        api: Writer,
        settings: Settings,
        store: Store[LiveSplit, Key],
        on_overtaken: Callable[[frozenset[GroupKey]], object] = lambda _keys: None,
    ) -> None:
        self._api = api
        self._on_overtaken = on_overtaken
        self._settings = settings
        self._store = store

    def create_mirror(self, key: GroupKey) -> LiveSplit:
        """The mirror of a group; Conflict when somebody made a ModelSplit of that name in the meantime."""
        live = self._keep(self._api.apply(MODEL_SPLITS, make_mirror(key), force=False))
        log.info("mirrored", extra={"group": str(key)})
        return live

    def release(self, split: LiveSplit) -> LiveSplit:
        """Leave a mirror to the user who has taken it over."""
        ref = split.reading.split.ref
        live = self._keep(self._api.patch(MODEL_SPLITS, ref.namespace, ref.name, RELEASE))
        log.info("released", extra={"group": str(split.key)})
        return live

    def delete(self, split: LiveSplit) -> None:
        """Delete a mirror."""
        identity = split.reading.split.identity
        with suppress(NotFound):
            self._api.delete(MODEL_SPLITS, identity.ref.namespace, identity.ref.name, uid=identity.uid)
        self._store.delete(ObjectKey(identity.ref.namespace, identity.ref.name))
        log.info("unmirrored", extra={"group": str(split.key)})

    def report(self, split: LiveSplit, status: ModelSplitStatus) -> LiveSplit | None:
        """Write the status, unless it is there; None when the object is gone."""
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
            live = self._keep(self._api.apply_status(MODEL_SPLITS, body))
        except NotFound:
            return None
        if replace(live, status=split.status, has_status=split.has_status) != split:
            self._on_overtaken(frozenset({split.key, live.key}))
        return live

    def _keep(self, answer: bytes) -> LiveSplit:
        live = to_live_split(json.loads(answer), self._settings)
        ref = live.reading.split.ref
        self._store.upsert(ObjectKey(ref.namespace, ref.name), live)
        return live
