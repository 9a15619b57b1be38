"""The disk side of manifests: files, folders, stdin and kustomize builds as one input."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from meshsplit.diagnostics import Finding, Position
from meshsplit.manifests.merge import combine
from meshsplit.manifests.reader import DEFAULT_NAMESPACE, NO_OBJECTS, ReadResult, read_text

STDIN = "-"
SUFFIXES = frozenset({".yaml", ".yml", ".json"})
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
"""Build instructions that lie among manifests in a folder; no cluster takes them as objects."""

_KUSTOMIZE = (("kustomize", "build"), ("kubectl", "kustomize"))

_Seen = set[tuple[int, int]]  # device and inode: what was read already, under whatever name


class Text(NamedTuple):
    """The content of a file, and the name by which it is told of."""

    content: str
    name: str


Loaded = Text | ReadResult
"""A text, or what there is to say where there is none."""


class UnreadableInput(Exception):  # noqa: N818 - it names a thing of the user's, not a fault of ours
    """A path that cannot be read at all, and why; what is wrong inside a file is a finding instead."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def read_paths(paths: Sequence[str], stdin: TextIO, default_namespace: str = DEFAULT_NAMESPACE) -> ReadResult:
    """Everything in the given files, folders (recursively) and stdin (`-`), each file once.

    UnreadableInput for a path that is missing or cannot be read; a folder without manifests is a note.
    """
    return read_loaded(load_paths(paths, stdin), default_namespace)


def load_paths(paths: Sequence[str], stdin: TextIO) -> list[Loaded]:
    """The texts in these, not understood yet, which takes much longer; raises what `read_paths` raises."""
    seen: _Seen = set()
    loaded: list[Loaded] = []
    for path in dict.fromkeys(paths):
        if path == STDIN:
            loaded.append(Text(_stdin_text(stdin), STDIN))
        else:
            loaded.extend(_load_path(path, seen))
    return loaded


def read_loaded(loaded: Sequence[Loaded], default_namespace: str = DEFAULT_NAMESPACE) -> ReadResult:
    """What was loaded, understood."""
    return combine([it if isinstance(it, ReadResult) else read_text(*it, default_namespace) for it in loaded])


def read_kustomization(directory: str, default_namespace: str = DEFAULT_NAMESPACE) -> ReadResult:
    """What `kustomize build` (or `kubectl kustomize`) makes of a folder; places count in its output."""
    installed = [(path, *command) for command in _KUSTOMIZE if (path := shutil.which(command[0]))]
    if not installed:
        reason = "building it takes kustomize or kubectl; install one of them, or pass the built YAML"
        raise UnreadableInput(directory, reason)
    path, program, verb = installed[0]
    arguments = [path, verb, "--", directory]
    try:
        done = subprocess.run(arguments, capture_output=True, check=False)  # noqa: S603 - no shell, no flags
    except (OSError, ValueError) as error:
        raise UnreadableInput(directory, f"{program} does not run: {_reason(error)}") from error
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise UnreadableInput(directory, f"{program} {verb} failed: {reason}")
    return combine([read_text(_decode(done.stdout), f"{directory} ({program} {verb})", default_namespace)])


def _load_path(given: str, seen: _Seen) -> Iterator[Loaded]:
    if not given:
        raise UnreadableInput(given, "an empty path")
    path = Path(given)
    if not stat.S_ISDIR(_status(path).st_mode):
        yield from _load_file(path, seen)
        return
    files = list(_manifests(path, seen))
    if not files:
        message = f"no {', '.join(sorted(SUFFIXES))} file in this folder"
        yield ReadResult((), (Finding(NO_OBJECTS, message, position=Position(_shown(path), 1, 1)),))
    for file in files:
        yield from _load_file(file, seen)


def _manifests(folder: Path, seen: _Seen) -> Iterator[Path]:
    """Manifests below a folder, sorted by name level by level; links are followed, but no folder twice."""
    if _is_known(folder, seen):
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UnreadableInput(_shown(folder), _reason(error)) from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _manifests(entry, seen)
        elif entry.suffix in SUFFIXES and entry.name not in KUSTOMIZATIONS:
            yield entry


def _load_file(path: Path, seen: _Seen) -> Iterator[Text]:
    if _is_known(path, seen):
        return
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableInput(_shown(path), _reason(error)) from error
    yield Text(_decode(content), _shown(path))


def _is_known(path: Path, seen: _Seen) -> bool:
    status = _status(path)
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return True
    seen.add(identity)
    return False


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except (OSError, ValueError) as error:
        raise UnreadableInput(_shown(path), _reason(error)) from error


def _reason(error: OSError | ValueError) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return (reason or str(error)).lower()


def _shown(path: Path) -> str:
    """A file name that every terminal can print."""
    return str(path).encode(errors="surrogateescape").decode(errors="replace")


def _stdin_text(stdin: TextIO) -> str:
    binary = getattr(stdin, "buffer", None)
    return stdin.read() if binary is None else _decode(binary.read())


def _decode(content: bytes) -> str:
    """Bytes that are not UTF-8 pass as lone surrogates, so that the reader can say where they are."""
    return content.decode(errors="surrogateescape")
