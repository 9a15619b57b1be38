"""The alternate screen of a terminal, redrawn in place; plain ANSI, as every terminal of today has it."""

import os
import select
import shutil
import termios
import tty
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from meshsplit.cli.requesting import LOOK_SECONDS

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""Other screen, no cursor, no wrapping; and back."""
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
ESCAPE = "\x1b"
_MOST_BYTES = 64
"""Of one key: arrows and function keys come as a few."""


class Screen:
    """A context that takes the terminal over, and gives it back as it was, whatever happens."""

    def __init__(self, keys: TextIO, screen: TextIO) -> None:
        self._keys = keys
        self._screen = screen
        self._before: list[object] = []

    @staticmethod
    def is_possible(keys: TextIO | None, screen: TextIO | None) -> bool:
        """Whether both are a terminal."""
        return keys is not None and screen is not None and keys.isatty() and screen.isatty()

    def __enter__(self) -> Self:
        self._before = list(termios.tcgetattr(self._keys))
        tty.setcbreak(self._keys, termios.TCSADRAIN)
        self._write(_ENTER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(_LEAVE)
        termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)  # type: ignore[arg-type]

    def draw(self, lines: Sequence[str], below: Sequence[str]) -> None:
        """Show the lines, as many as there is room for above those `below`; the terminal cuts wider ones."""
        room = shutil.get_terminal_size().lines - 1
        shown = [*lines[: max(room - len(below), 0)], *below[-room:]]
        self._write(_HOME + "".join(f"{line}{_REST_OF_LINE}\r\n" for line in shown) + _REST_OF_SCREEN)

    def read_key(self) -> str:
        """Wait a moment for a key: its character, ESCAPE for one that has none, "" for no key.

        What was typed together with it is dropped, so that it answers nothing that was not asked yet.
        """
        ready, _, _ = select.select([self._keys], [], [], LOOK_SECONDS)
        typed = os.read(self._keys.fileno(), _MOST_BYTES).decode(errors="replace") if ready else ""
        return typed[:1]

    def forget_keys(self) -> None:
        """Drop what was typed up to now."""
        termios.tcflush(self._keys, termios.TCIFLUSH)

    def _write(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()
