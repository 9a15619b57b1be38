"""A folder of manifests that people edit while it is served."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from meshsplit.manifests.files import load_paths, read_loaded
from meshsplit.manifests.reader import ReadResult

# Editors and redirections truncate a file before they write it: an empty file this young is not its content.
UNFINISHED_SECONDS = 0.5
# How long a folder may keep changing under the reader before what was read is taken as it is.
SETTLE_SECONDS = 2.0
# One burst of writes is one change; at 50 ms of quiet an edit still serves well within a second.
BURST_MS = 200
QUIET_MS = 50
# How often the watcher wakes without a change, to let its caller tidy up or stop.
TICK_MS = 500

_Stamp = tuple[str, int, int]


def read_folder(folder: Path, default_namespace: str) -> ReadResult:
    """Read all manifests below `folder`, none of them half-written; UnreadableInput when that fails."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        before = _stamps(folder)
        # Loaded first: while texts are being understood a file may well be written again.
        loaded = load_paths([str(folder)], io.StringIO())
        settled = _stamps(folder) == before and not _unfinished(before)
        if settled or time.monotonic() > deadline:
            return read_loaded(loaded, default_namespace)
        time.sleep(QUIET_MS / 1000)


def watch_folder(folder: Path, stop: threading.Event) -> Iterator[bool]:
    """Yield True after each burst of changes below `folder` and False when a tick passes without one.

    The first is True, for what changed before the watch began. Ends when `stop` is set. Needs the extra
    `local` (ImportError without it).
    """
    from watchfiles import watch

    changes = watch(
        folder,
        watch_filter=None,
        debounce=BURST_MS,
        step=QUIET_MS,
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=False,
    )
    for number, change in enumerate(changes):
        yield number == 0 or bool(change)


def _stamps(folder: Path) -> list[_Stamp]:
    stamps = []
    for path in sorted(folder.rglob("*")):
        try:
            stat = path.stat()
        except OSError:  # deleted while we look: the next look differs
            continue
        stamps.append((str(path), stat.st_size, stat.st_mtime_ns))
    return stamps


def _unfinished(stamps: list[_Stamp]) -> bool:
    youngest = time.time_ns() - int(UNFINISHED_SECONDS * 1e9)
    return any(size == 0 and modified > youngest for _, size, modified in stamps)
