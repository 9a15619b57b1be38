"""The handle of the model server processes. Imports nothing of the extra `local`."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Self, cast

from pydantic import ValidationError

from meshsplit.local.models.control import Answer, BehaveCommand, Lines, ServeCommand, to_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from meshsplit.local.models.spec import Behaviour, Ports, Serving, ServingKey

# The child imports gRPC and Starlette first: 1 s on an idle machine, many times that on a busy one.
_ANSWER_SECONDS = 60.0
# More than the child's own DRAIN_SECONDS: only a child that hangs is killed.
_STOP_SECONDS = 15.0
_LOG_TAIL_CHARACTERS = 2000


class ModelServerError(Exception):
    """The model server did not start, died, or could not serve; the message is one a user can act on."""


class ModelServer:
    """A running template process and the model servers, copies of it; all end when this process does,
    however that happens.

    `serve` and `behave` are for any thread, each command has its own answer; `stop` comes after them.
    """

    def __init__(self, child: subprocess.Popen[bytes], log_file: Path) -> None:
        self._child = child
        self._commands, self._answers = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
        self._log_file = log_file
        self._lines = Lines(self._answers.fileno())
        self._lock = threading.Lock()
        self._ended: Callable[[], None] | None = None

    @classmethod
    def start(cls, log_file: Path) -> Self:
        """Start the process, its log appended to `log_file`; returns when it takes commands.

        Raises ModelServerError, for one when the extra `local` is not installed.
        """
        notices, noticing = os.pipe()
        with log_file.open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                # -P: a file in the working folder must not shadow a module.
                [sys.executable, "-P", "-m", "meshsplit.local.models", str(noticing)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(noticing,),
                # Ctrl-C in a terminal goes to the parent alone, which stops its children in order.
                start_new_session=True,
            )
        os.close(noticing)
        server = cls(child, log_file)
        threading.Thread(target=server._listen, args=(notices,), name="models", daemon=True).start()
        try:
            server._read_answer()
        except BaseException:
            server.stop()
            raise
        return server

    @property
    def pid(self) -> int:
        """The template's process id."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while the template runs, else its exit code (negative: the signal that ended it)."""
        return self._child.poll()

    def require_running(self) -> None:
        """Raise ModelServerError with the end of its log when the process has ended by itself."""
        code = self.exit_code
        if code is not None:
            tail = self._log_file.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:]
            raise ModelServerError(f"the model server has ended with code {code}:\n{tail}")

    def notify(self, ended: Callable[[], None]) -> None:
        """From now on call `ended`, in a thread of its own, when a server has ended by itself.

        The next `serve` gives its serving another.
        """
        self._ended = ended

    def serve(self, servings: Sequence[Serving]) -> Mapping[ServingKey, Ports]:
        """Serve exactly `servings`, whatever was served before; their ports by `serving.key`.

        When it returns, what was added accepts connections and what was removed accepts none; requests in
        flight there still finish. A serving that stays (same key and protocol) keeps its ports, also when its
        models or its served name change. On ModelServerError the child, if it lives, serves what it did.
        """
        if len({serving.key for serving in servings}) != len(servings):
            raise ValueError("two servings have one key")
        return dict(self._command(ServeCommand(servings=tuple(servings))).ports)

    def behave(self, behaviours: Sequence[Behaviour]) -> None:
        """Make InferenceServices fail or answer slowly from the next request on, served yet or not.

        Those that are not named behave well again. ModelServerError when the child is gone.
        """
        self._command(BehaveCommand(behaviours=tuple(behaviours)))

    def stop(self) -> None:
        """Stop the process and wait for its end, requests in flight first; may be called again."""
        with suppress(BrokenPipeError):
            self._commands.close()
        try:
            self._child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._answers.close()

    def _listen(self, notices: int) -> None:
        """Pass each notice on until the process that sends them is gone."""
        while os.read(notices, 1):
            if self._ended is not None:
                self._ended()
        os.close(notices)

    def _command(self, command: ServeCommand | BehaveCommand) -> Answer:
        with self._lock:
            with suppress(BrokenPipeError):  # a dead child: reading its answer tells
                self._commands.write(to_line(command))
                self._commands.flush()
            return self._read_answer()

    def _read_answer(self) -> Answer:
        try:
            answer = Answer.model_validate_json(self._read_line(time.monotonic() + _ANSWER_SECONDS))
        except ValidationError as broken:
            raise self._make_error("gave an answer that is none") from broken
        if answer.error is not None:
            raise ModelServerError(answer.error)
        return answer

    def _read_line(self, deadline: float) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while not self._lines.waiting:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self._child.kill()  # a late answer would be taken for the next one
                    raise self._make_error(f"did not answer within {_ANSWER_SECONDS:.0f} s")
                if not self._lines.receive():
                    raise self._make_error("ended")
        return self._lines.read()

    def _make_error(self, what: str) -> ModelServerError:
        return ModelServerError(f"the model server (process {self.pid}) {what}; see {self._log_file}")
