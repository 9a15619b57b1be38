"""All objects of one kind as they change: listed, then watched, for as long as somebody looks."""

import time
from collections.abc import Iterator

from meshsplit.cli.cluster import Change, Cluster, Object
from meshsplit.cli.requesting import LOOK_SECONDS
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.kube.port import EventType, Resource

WATCH_SECONDS = 600
"""How long a watch is asked to last before the next one (client-go's reflector: 5 to 10 minutes)."""

_Known = dict[tuple[str, str], Object]


def follow_all(
    cluster: Cluster, resource: Resource, namespace: str, labels: str
) -> Iterator[tuple[Change, ...]]:
    """First everything there is, as additions sorted by name, then change after change, for ever.

    CannotAnswer when the first list fails, or when what fails later does not pass by itself.
    """
    bodies, version = cluster.list_at(resource, namespace, labels)
    known: _Known = {}
    yield tuple(_find_changes(known, bodies))
    outdated = False
    while True:
        try:
            if outdated:
                bodies, version = cluster.list_at(resource, namespace, labels)
                outdated = False
                yield tuple(_find_changes(known, bodies))
            for change in cluster.watch(resource, namespace, labels, version, WATCH_SECONDS):
                version = change.version
                if change.type is not EventType.BOOKMARK:
                    _take(known, change)
                    yield (change,)
        except CannotAnswer as error:
            if not error.is_outdated and not error.is_passing:
                raise
            outdated = outdated or error.is_outdated
        time.sleep(LOOK_SECONDS)


def _find_changes(known: _Known, bodies: list[Object]) -> list[Change]:
    """What is otherwise than known: what came or changed in the list's order, then what is gone."""
    listed = {_key(body): body for body in bodies}
    changes = [
        Change(EventType.MODIFIED if key in known else EventType.ADDED, _version(body), body)
        for key, body in listed.items()
        if key not in known or _version(known[key]) != _version(body)
    ]
    gone = [known[key] for key in known if key not in listed]
    changes += [Change(EventType.DELETED, _version(body), body) for body in gone]
    for change in changes:
        _take(known, change)
    return changes


def _take(known: _Known, change: Change) -> None:
    if change.type is EventType.DELETED:
        known.pop(_key(change.body), None)
    else:
        known[_key(change.body)] = change.body


def _key(body: Object) -> tuple[str, str]:
    return body["metadata"].get("namespace") or "", body["metadata"]["name"]


def _version(body: Object) -> str:
    return str(body["metadata"].get("resourceVersion") or "")
