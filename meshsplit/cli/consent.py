"""The options of every verb that changes something, and the question before it does."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, TypeVar

import click

from meshsplit.api.fields import MAX_MESSAGE
from meshsplit.cli.notdone import NotDone
from meshsplit.cli.quantities import SECONDS

Command = TypeVar("Command", bound=Callable[..., Any])
DryRun = Literal["none", "client", "server"]

ANSWER_SECONDS = "30s"
"""The controller answers a request as soon as it sees it, in well below a second."""


@dataclass(frozen=True, slots=True)
class Consent:
    """How far a change may go: `max_jump` in points, None for any; `patience` in seconds, for the answer."""

    yes: bool = False
    max_jump: float | None = None
    dry_run: DryRun = "none"
    reason: str = ""
    patience: float = 30.0

    def require_jump(self, jump: float | None) -> None:
        """NotDone when traffic would move further than allowed, or nobody can tell how far."""
        if self.max_jump is None or (jump is not None and jump <= self.max_jump):
            return
        told = "cannot be told" if jump is None else f"is {jump:g} points"
        raise NotDone(f"the jump {told}, and --max-jump allows {self.max_jump:g}")

    def ask(self) -> None:
        """Let a person confirm; NotDone when they do not, or there is nobody to ask."""
        if self.yes or self.dry_run != "none":
            return
        if sys.stdin is None or not sys.stdin.isatty():
            raise NotDone("not confirmed: no terminal, pass --yes")
        if not click.confirm("Go ahead?", default=False, err=True):
            raise NotDone("not confirmed")


def _check_reason(_context: click.Context, _option: click.Parameter, text: str) -> str:
    if len(text) > MAX_MESSAGE:
        raise click.BadParameter(f"{len(text)} characters, at most {MAX_MESSAGE} are kept")
    return text


def consent_options(command: Command) -> Command:
    """Add -y, --max-jump, --dry-run, --reason and --timeout; the command gets one `consent`."""

    @click.option("-y", "--yes", is_flag=True, help="Do not ask.")
    @click.option(
        "--max-jump",
        type=click.FloatRange(0, 100),
        metavar="POINTS",
        help="Refuse to move more of the traffic at once.",
    )
    @click.option(
        "--dry-run",
        type=click.Choice(["none", "client", "server"]),
        default="none",
        show_default=True,
        help="Send nothing, or let the API check it without keeping it.",
    )
    @click.option("--reason", default="", callback=_check_reason, help="Why; kept in the history.")
    @click.option(
        "--timeout",
        "patience",
        type=SECONDS,
        default=ANSWER_SECONDS,
        show_default=True,
        help="How long to wait for the controller's answer.",
    )
    @wraps(command)
    def with_consent(
        *args: Any,
        yes: bool,
        max_jump: float | None,
        dry_run: DryRun,
        reason: str,
        patience: float,
        **kwargs: Any,
    ) -> Any:
        return command(*args, consent=Consent(yes, max_jump, dry_run, reason, patience), **kwargs)

    return with_consent  # type: ignore[return-value]  # click's decorators erase the signature
