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
_QUIT = b"q"


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

    def draw(self, lines: Sequence[str]) -> None:
        """Show the lines, as many as there is room for; wider ones are cut by the terminal."""
        room = lines[: shutil.get_terminal_size().lines - 1]
        self._write(_HOME + "".join(f"{line}{_REST_OF_LINE}\r\n" for line in room) + _REST_OF_SCREEN)

    def is_left(self) -> bool:
        """Wait a moment for a key; whether it was the one to leave by."""
        ready, _, _ = select.select([self._keys], [], [], LOOK_SECONDS)
        return bool(ready) and os.read(self._keys.fileno(), 1) == _QUIT

    def _write(self, text: str) -> None:
        self._screen.write(text)
        self._screen.flush()
