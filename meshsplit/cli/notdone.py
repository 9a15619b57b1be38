"""A command that was not done: refused, not confirmed, or not answered in time."""

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.terminal import visible


class NotDone(click.ClickException):
    """Ends a command that was refused; `following` is the next command to run, "" for none."""

    exit_code = ExitCode.REFUSED

    def __init__(self, message: str, *, following: str = "") -> None:
        lines = [visible(message), *([f"Next: {visible(following)}"] if following else [])]
        super().__init__("\n".join(lines))


class NotAnswered(NotDone):
    """Ends a command whose time is over."""

    exit_code = ExitCode.TIMEOUT
