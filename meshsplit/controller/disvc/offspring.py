"""The one place that writes what DistributedInferenceServices make; what is another's is left alone."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from meshsplit.controller.fights import Fights
from meshsplit.disvc.agreement import agrees, digest_of
from meshsplit.disvc.decode import to_child
from meshsplit.kube.port import NotFound, ObjectKey
from meshsplit.kube.wire import from_json
from meshsplit.translate import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshsplit.controller.disvc.cache import DisvcCache
    from meshsplit.disvc.objects import Body, Child
    from meshsplit.kube.port import Reader, Resource, Writer
    from meshsplit.model import ObjectIdentity, Settings

log = logging.getLogger(__name__)


class NameTaken(Exception):  # noqa: N818 - a state of affairs, no failure of ours
    """An object of that name is there and was not made for this DistributedInferenceService."""


class Offspring:
    """Writes the objects of any DistributedInferenceService; one key is worked on by one thread at a time.

    Every answer of the server goes into `cache`, so that the next look sees what this one wrote. `resources`
    are those of the kinds in it. `clock` is in seconds.
    """

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        resources: Mapping[str, Resource],
        cache: DisvcCache,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._resources = resources
        self._cache = cache
        self._settings = settings
        self._clock = clock
        self._fights = Fights()
        self._agreed: dict[ObjectIdentity, tuple[bytes, bytes]] = {}

    def is_current(self, body: Mapping[str, Any]) -> bool:
        """Whether the server holds the object as it is to be, in all that is ours."""
        live = self._live(body)
        if live is None or live.deleting or live.owner != _owner_of(body):
            return False
        # What KServe rewrites on its way in is written once, and then left as KServe has made it.
        return agrees(body, live) or self._agreed.get(identity_of(body)) == (
            digest_of(body),
            digest_of(live.body),
        )

    def apply(self, body: Body) -> float:
        """Write it; 0, or the seconds to wait because it goes, or because somebody else keeps changing it.

        Raises NameTaken, ApiError.
        """
        live = self._live(body) or self._look(body)
        if live is not None and live.owner != _owner_of(body):
            raise NameTaken(f"{live.kind} {live.name} exists and was not made by meshsplit")
        if live is not None and live.deleting:
            return 0.0  # it is written again when it has gone, which is seen
        identity, wanted = identity_of(body), digest_of(body)
        pause = self._fights.pause(identity, wanted, self._clock())
        if live is not None and pause > 0.0:
            return pause
        sent = body if live is None else {**body, "metadata": {**body["metadata"], "uid": live.uid}}
        answer = self._keep(self._writer.apply(self._resources[body["kind"]], sent, force=live is not None))
        self._agreed[identity] = (wanted, digest_of(answer.body))
        repairs = self._fights.note(identity, wanted, self._clock())
        log.info("applied", extra={"object": "/".join(identity), "repairs": repairs})
        return 0.0

    def delete(self, child: Child) -> None:
        """Delete what was seen; what goes slowly is left in the cache, marked, until it has gone."""
        if child.deleting:
            return
        resource = self._resources[child.kind]
        with suppress(NotFound):
            self._writer.delete(resource, child.namespace, child.name, uid=child.uid)
        store, key = self._cache.children[child.kind], ObjectKey(child.namespace, child.name)
        try:
            self._keep(self._reader.get(resource, child.namespace, child.name))
        except NotFound:
            store.delete(key)
        identity = (child.kind, child.namespace, child.name)
        self._agreed.pop(identity, None)
        self._fights.forget(identity)
        log.info("deleted", extra={"object": "/".join(identity)})

    def _live(self, body: Mapping[str, Any]) -> Child | None:
        return self._cache.child(*identity_of(body))

    def _look(self, body: Mapping[str, Any]) -> Child | None:
        """An object that is not in the cache may be there without its label."""
        kind, namespace, name = identity_of(body)
        try:
            content = self._reader.get(self._resources[kind], namespace, name)
        except NotFound:
            return None
        return to_child(from_json(content), self._settings)

    def _keep(self, content: bytes) -> Child:
        child = to_child(from_json(content), self._settings)
        self._cache.children[child.kind].upsert(ObjectKey(child.namespace, child.name), child)
        return child


def _owner_of(body: Mapping[str, Any]) -> str:
    return str(body["metadata"]["ownerReferences"][0]["uid"])
