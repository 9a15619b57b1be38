"""One file that keeps the cluster: a line a change, rewritten without its history at each start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from meshsplit.local.apiserver.builtin import CRDS
from meshsplit.local.apiserver.objects import Json, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsplit.local.apiserver.dispatch import Events
    from meshsplit.local.apiserver.store import Store

_FORMAT = "meshsplit-apiserver-1"


class Journal:
    """An open state file; every change is written to it before anyone is told of it.

    It survives a killed process, not a power cut (nothing is synced to the disk).
    """

    def __init__(self, path: Path, store: Store) -> None:
        """Load what the file holds into an empty store; ValueError when it is no state file."""
        self._path = path
        objects, version = _load(path)
        for key, stored in sorted(objects.items(), key=lambda item: item[0][:2] != CRDS.key):
            store.restore(key[:2], stored)
        store.restore_version(version)
        _rewrite(path, objects, store.version)
        self._file: BinaryIO = path.open("ab")

    def write(self, events: Events) -> None:
        """Append changes, in order."""
        for resource, event in events:
            line = {"version": event.version, "key": [*resource, *event.key], "object": event.after}
            self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def _load(path: Path) -> tuple[dict[Any, Json], int]:
    objects: dict[Any, Json] = {}
    version = 0
    for line in _lines(path):
        version = max(version, line["version"])
        if "format" in line:
            continue
        if line["object"] is None:
            objects.pop(tuple(line["key"]), None)
        else:
            objects[tuple(line["key"])] = line["object"]
    return objects, version


def _lines(path: Path) -> Iterator[Json]:
    raw = path.read_bytes().split(b"\n") if path.exists() else []
    for number, text in enumerate(raw):
        if not text:
            continue
        try:
            line = json.loads(text)
        except ValueError:
            if number == len(raw) - 1:
                return  # the process was killed while it wrote this line: nobody was told of the change
            raise ValueError(f"{path}: line {number + 1} is not JSON; is this a state file?") from None
        if number == 0 and line.get("format") != _FORMAT:
            raise ValueError(f"{path} is not a state file of this version")
        yield line


def _rewrite(path: Path, objects: dict[Any, Json], version: int) -> None:
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(json.dumps({"format": _FORMAT, "version": version}).encode() + b"\n")
        for key, stored in sorted(objects.items()):
            line = {"version": version_of(stored), "key": list(key), "object": stored}
            file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    beside.replace(path)
