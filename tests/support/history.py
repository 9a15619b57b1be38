"""Every state of the VirtualServices of a namespace that a client could see, from a watch of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from meshsplit.kube.client import Client
from meshsplit.kube.port import ApiError, EventType
from support.fleet import VIRTUAL_SERVICES, Body
from support.generations import split_of
from support.scene import Scene
from support.waiting import eventually

_SECONDS = 300
_LAST = "history-ends"


@dataclass
class History:
    """What was seen, oldest first."""

    seen: list[tuple[EventType, Body]] = field(default_factory=list)

    def of(self, name: str) -> list[Body]:
        """The states of one VirtualService."""
        return [
            body for kind, body in self.seen if body["metadata"]["name"] == name and kind != EventType.DELETED
        ]

    def splits(self, name: str) -> list[str]:
        """What it served, each once as long as it stayed so."""
        found: list[str] = []
        for body in self.of(name):
            text = str(split_of(body))
            if not found or found[-1] != text:
                found.append(text)
        return found

    def deletions(self, name: str) -> int:
        """How often it went away."""
        return sum(body["metadata"]["name"] == name for kind, body in self.seen if kind == EventType.DELETED)


@contextmanager
def recording(scene: Scene) -> Iterator[History]:
    """Record from now on; at the end everything that happened until then has been seen."""
    history = History()
    client = Client(scene.api.configuration)
    version = client.list_page(VIRTUAL_SERVICES, namespace=scene.namespace).resource_version
    follower = threading.Thread(target=_follow, args=(client, scene.namespace, version, history), daemon=True)
    follower.start()
    try:
        yield history
        spec = {"hosts": [f"{_LAST}.example.com"], "http": [{"route": [{"destination": {"host": "x"}}]}]}
        scene.put(VIRTUAL_SERVICES, _LAST, spec)
        eventually(lambda: history.of(_LAST), "the watch has come to the end")
        scene.remove(VIRTUAL_SERVICES, _LAST)
    finally:
        client.close()
        follower.join()


def _follow(client: Client, namespace: str, version: str, history: History) -> None:
    # The test closes the client, which ends the watch.
    with suppress(ApiError):
        watch = client.watch(
            VIRTUAL_SERVICES, namespace=namespace, resource_version=version, timeout_seconds=_SECONDS
        )
        for event in watch:
            if event.type is not EventType.BOOKMARK:
                history.seen.append((event.type, event.item.body))
