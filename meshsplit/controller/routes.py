"""The one place that writes VirtualServices, none that is another's and none that is right already."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from meshsplit.controller.fights import Fights
from meshsplit.controller.index import group_keys
from meshsplit.controller.live import to_live_route
from meshsplit.istio.digest import digest
from meshsplit.kube.port import NotFound, ObjectKey
from meshsplit.kube.wire import from_json
from meshsplit.translate import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshsplit.controller.index import Key
    from meshsplit.controller.live import Body, LiveRoute
    from meshsplit.kube.port import Resource, Writer
    from meshsplit.kube.store import Store
    from meshsplit.model import GroupKey, ObjectIdentity

log = logging.getLogger(__name__)


class Routes:
    """Writes the VirtualServices of any key; one key is worked on by one thread at a time.

    Every answer of the server goes into `store`, so that the next pass sees what this one wrote. `on_news`
    gets whom it concerns that somebody else wrote the same object meanwhile.
    """

    def __init__(
        self,
        api: Writer,
        resource: Resource,
        store: Store[LiveRoute, Key],
        clock: Callable[[], float],
        on_news: Callable[[frozenset[GroupKey]], object],
    ) -> None:
        self.resource = resource
        self._api = api
        self._store = store
        self._clock = clock
        self._on_news = on_news
        self._fights = Fights()
        self._agreed: dict[ObjectIdentity, tuple[bytes, bytes]] = {}

    def is_current(self, body: Mapping[str, Any]) -> bool:
        """Whether the server holds the object as it is to be, in all that is ours."""
        live = self._live(identity_of(body))
        if live is None or not live.made_here:
            return False
        wanted = digest(body)
        # Others may add fields of their own; then an apply changes nothing, and is sent only once.
        return live.digest == wanted or self._agreed.get(live.identity) == (wanted, live.digest)

    def apply(self, body: Body) -> float:
        """Write it; 0, or the seconds to wait because somebody else keeps changing it.

        A new object is applied without force and an existing one by its uid, so that nothing is taken over
        that appeared in the meantime (Conflict). Raises ApiError.
        """
        identity, wanted = identity_of(body), digest(body)
        live = self._live(identity)
        pause = self._fights.pause(identity, wanted, self._clock())
        if live is not None and pause > 0.0:
            return pause
        answer = self._send(body, live)
        self._agreed[identity] = (wanted, answer.digest)
        repairs = self._fights.note(identity, wanted, self._clock())
        log.info("applied", extra={"object": "/".join(identity), "repairs": repairs})
        return 0.0

    def delete(self, route: LiveRoute) -> None:
        """Delete what was seen; Conflict when it is another one now, or somebody else's routes by now.

        A model and a group can want the same name: what one lays down the other may have taken up.
        """
        with suppress(NotFound):
            self._api.delete(self.resource, route.namespace, route.name, uid=route.uid, version=route.version)
        self._store.delete(ObjectKey(route.namespace, route.name), route.version)
        self._agreed.pop(route.identity, None)
        self._fights.forget(route.identity)
        log.info("deleted", extra={"object": "/".join(route.identity)})

    def _send(self, body: Body, live: LiveRoute | None) -> LiveRoute:
        seen = body
        if live is not None:
            seen = {**body, "metadata": {**body["metadata"], "uid": live.uid}}
        key, answer = ObjectKey(body["metadata"]["namespace"], body["metadata"]["name"]), None
        self._store.hold(key)
        try:
            answer = to_live_route(from_json(self._api.apply(self.resource, seen, force=live is not None)))
        finally:
            touched, news = self._store.settle(key, answer)
            if news:
                self._on_news(group_keys(touched))
        return answer

    def _live(self, identity: ObjectIdentity) -> LiveRoute | None:
        _, namespace, name = identity
        return self._store.get(ObjectKey(namespace, name))
