"""Text for people: colour, plain ASCII, and a pipe that may close early."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TextIO

import click

from meshsplit.diagnostics import Severity

ColourChoice = Literal["auto", "always", "never"]

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}

# C0 and C1 control characters: a manifest must not be able to steer the terminal that shows it.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_ASCII = {
    "…": "...",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "·": "-",
    "–": "-",
    "∞": "inf",
    "✔": "+",
    "✖": "x",
    "◌": "~",
    "⇶": "*",
    "├─": "|-",
    "└─": "`-",
    "‼": "!",
    "±": "+/-",
    "✘": "x",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How to paint text for one stream; a word always says what a colour says."""

    colour: bool = False
    ascii: bool = False

    def severity(self, severity: Severity) -> str:
        """The severity's word in its colour."""
        return self._paint(severity.value, fg=_COLOURS[severity], bold=True)

    def strong(self, text: str) -> str:
        """Text that the eye should find first."""
        return self._paint(text, bold=True)

    def faint(self, text: str) -> str:
        """Text that may be skipped."""
        return self._paint(text, dim=True)

    def added(self, text: str) -> str:
        """A line that only the new side has."""
        return self._paint(text, fg="green")

    def removed(self, text: str) -> str:
        """A line that only the old side has."""
        return self._paint(text, fg="red")

    def good(self, text: str) -> str:
        """What is as it should be."""
        return self._paint(text, fg="green")

    def bad(self, text: str) -> str:
        """What somebody should look at."""
        return self._paint(text, fg="red", bold=True)

    def doubtful(self, text: str) -> str:
        """What is not known, or may become good or bad."""
        return self._paint(text, fg="yellow")

    def _paint(self, text: str, fg: str | None = None, bold: bool = False, dim: bool = False) -> str:
        if not self.colour:
            return text
        return click.style(text, fg=fg, bold=bold or None, dim=dim or None)


def make_style(
    choice: ColourChoice, ascii_only: bool, stream: TextIO | None, env: Mapping[str, str]
) -> Style:
    """Decide for one stream by the flag, then FORCE_COLOR, NO_COLOR and TERM=dumb, then isatty.

    The stream is None in a process that was started without it.
    """
    if stream is None:
        return Style()
    encoding = (stream.encoding or "ascii").lower().replace("-", "")
    return Style(_wants_colour(choice, stream, env), ascii_only or not encoding.startswith("utf"))


def _wants_colour(choice: ColourChoice, stream: TextIO, env: Mapping[str, str]) -> bool:
    if choice != "auto":
        return choice == "always"
    if env.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    if env.get("NO_COLOR") or env.get("TERM") == "dumb":
        return False
    return stream.isatty()


def visible(text: str) -> str:
    r"""One line that is safe to print: control characters become their escapes (`\n`, `\x1b`)."""
    return _CONTROLS.sub(lambda found: repr(found.group())[1:-1], text)


def echo(text: str, style: Style, to_stderr: bool = False) -> bool:
    """Print `text`, and whether it could be read.

    A reader that has closed the pipe is no error and does not change the exit code; what comes later goes
    nowhere.
    """
    try:
        click.echo(to_printable(text, style), err=to_stderr, color=style.colour)
    except BrokenPipeError:
        hush(sys.stderr if to_stderr else sys.stdout)
        return False
    return True


def to_printable(text: str, style: Style) -> str:
    """The text as the stream can take it; a name that is no valid text must not end in an encoding error."""
    if style.ascii:
        for character, plain in _ASCII.items():
            text = text.replace(character, plain)
    return text.encode("ascii" if style.ascii else "utf-8", "backslashreplace").decode()


def hush(stream: TextIO) -> None:
    """Send what is still to be written to `stream` nowhere, so that closing it at exit cannot fail either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
