"""The process that the server processes are copies of: everything is imported once, a server is a fork.

It has one thread and no event loop, so that a copy of it begins clean.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from meshsplit.local.models.child import run
from meshsplit.local.models.control import Answer, BehaveCommand, Lines, ServeCommand, to_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from meshsplit.local.models.spec import Behaviour, Ports, Serving, ServingKey

_log = logging.getLogger(__name__)


class ServerError(Exception):
    """A server process cannot serve; the message says why."""


@dataclass(slots=True)
class _Process:
    """One server process, what it serves and where; `answers` are the lines of its channel."""

    pid: int
    serving: Serving
    channel: socket.socket
    answers: Lines
    ports: Ports | None = None


class Template:
    """What the server processes serve; its methods are called one at a time.

    A byte goes to the descriptor `notices` whenever one has ended by itself. `inherited` are the descriptors
    that a server process must not keep.
    """

    def __init__(self, inherited: Sequence[int], notices: int) -> None:
        self._inherited = (*inherited, notices)
        self._notices = notices
        self._behaviours: tuple[Behaviour, ...] = ()
        self._processes: dict[ServingKey, _Process] = {}
        self._leaving: list[_Process] = []

    @property
    def channels(self) -> list[socket.socket]:
        """Every one becomes readable when its process ends by itself."""
        return [process.channel for process in (*self._processes.values(), *self._leaving)]

    def serve(self, servings: Sequence[Serving]) -> Mapping[ServingKey, Ports]:
        """See ModelServer.serve; on ServerError or OSError everything stands as before.

        A process that has ended since the last call is started anew.
        """
        wanted = {serving.key: serving for serving in servings}
        added = self._start([serving for key, serving in wanted.items() if key not in self._processes])
        for key in self._processes.keys() - wanted.keys():
            self._dismiss(self._processes.pop(key))
        for key, process in self._processes.items():
            if process.serving != wanted[key]:
                process.serving = wanted[key]
                _tell(process, ServeCommand(servings=(process.serving,)))
        self._processes |= added
        return {key: it.ports for key, it in self._processes.items() if it.ports is not None}

    def behave(self, behaviours: tuple[Behaviour, ...]) -> None:
        """See ModelServer.behave."""
        self._behaviours = behaviours
        for process in self._processes.values():
            _tell(process, BehaveCommand(behaviours=behaviours))

    def reap(self) -> None:
        """Forget the processes that have ended."""
        with selectors.DefaultSelector() as selector:
            for key, process in [*self._processes.items(), *((None, it) for it in self._leaving)]:
                selector.register(process.channel, selectors.EVENT_READ, (key, process))
            for selected, _ in selector.select(0):
                self._bury(*selected.data)

    def stop(self) -> None:
        """End every process, requests in flight first, and wait for it."""
        self.serve(())
        for process in self._leaving:
            os.waitpid(process.pid, 0)

    def _start(self, servings: Sequence[Serving]) -> dict[ServingKey, _Process]:
        """New processes, all of which accept requests; none when one cannot."""
        started: dict[ServingKey, _Process] = {}
        try:
            for serving in servings:
                started[serving.key] = self._fork(serving, [it.channel for it in started.values()])
            for key, process in started.items():
                process.ports = dict(_read(process).ports)[key]
        except (OSError, ServerError):
            for process in started.values():
                self._dismiss(process)
            raise
        return started

    def _fork(self, serving: Serving, siblings: Sequence[socket.socket]) -> _Process:
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            self._become(serving, theirs, [ours, *siblings, *self.channels])
        theirs.close()
        return _Process(pid, serving, ours, Lines(ours.fileno()))

    def _become(self, serving: Serving, channel: socket.socket, others: Sequence[socket.socket]) -> None:
        """Never returns: this is the new process. It keeps nothing that tells others of its siblings' end."""
        code = 1
        try:
            for other in others:
                other.close()
            for descriptor in self._inherited:
                os.close(descriptor)
            run(serving, self._behaviours, channel)
            code = 0
        except Exception:  # noqa: BLE001 - nobody above it may go on
            _log.exception("the server of %s has failed", serving.key)
        finally:
            os._exit(code)

    def _dismiss(self, process: _Process) -> None:
        """Let it close its ports; draining goes on."""
        self._leaving.append(process)
        _tell(process, ServeCommand(servings=()))

    def _bury(self, key: ServingKey | None, process: _Process) -> None:
        _, status = os.waitpid(process.pid, 0)
        process.channel.close()
        if key is None:
            self._leaving.remove(process)
        else:
            del self._processes[key]
            _log.warning("process %d of %s has ended: status %d", process.pid, key, status)
            os.write(self._notices, b".")


def _tell(process: _Process, command: ServeCommand | BehaveCommand) -> None:
    """Returns when the process has done it, or has ended: then it is buried before the next command."""
    try:
        process.channel.sendall(to_line(command))
        _read(process)
    except (OSError, ServerError) as broken:
        _log.info("process %d does not answer any more: %s", process.pid, broken)


def _read(process: _Process) -> Answer:
    line = process.answers.read()
    try:
        answer = Answer.model_validate_json(line)
    except ValidationError as broken:
        raise ServerError(f"process {process.pid} ended before it served") from broken
    if answer.error is not None:
        raise ServerError(answer.error)
    return answer
