"""The verb `set weight`: a split that a person sets for a time."""

from collections.abc import Mapping, Sequence

import click

from meshsplit.api.names import is_duration
from meshsplit.cli.action import Action, Done, carry_out_on
from meshsplit.cli.consent import Consent
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.lookup import find_split
from meshsplit.cli.place import Place, acting
from meshsplit.cli.requesting import MANAGER, Ask
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.switching import to_clock
from meshsplit.model import FULL
from meshsplit.policy import to_seconds
from meshsplit.rollout.requests import Verb

DEFAULT_LASTS = "1h"
"""As the controller takes it when nothing is said (`rollout.requests.OVERRIDE_SECONDS`)."""


@click.group("set")
def set_command() -> None:
    """Set something of a live ModelSplit by hand."""


@set_command.command("weight")
@click.option("--for", "lasts", metavar="DURATION", help=f"How long; {DEFAULT_LASTS} when left out.")
@click.option("--clear", is_flag=True, help="End the override that is in force.")
@acting
@click.argument("weights", metavar="[MEMBER=PERCENT]...", nargs=-1)
def weight_command(
    context: click.Context,
    place: Place,
    consent: Consent,
    weights: tuple[str, ...],
    lasts: str | None,
    clear: bool,
) -> None:
    """Serve these weights of the ModelSplit NAME for a time, then what the rollout or the target says.

    One member may be left out: it gets the remainder. The target stays as it is written.

    Exit codes: 0 done; 2 bad weights, could not reach the cluster, or there is no such ModelSplit; 3 refused
    or not confirmed; 4 no answer of the controller within --timeout.
    """
    if clear == bool(weights):
        raise click.UsageError("name weights as MEMBER=PERCENT, or --clear")
    if clear and lasts:
        raise click.UsageError("--clear takes no --for")
    cluster = place.connection.open(place.namespace, manager=MANAGER, dry_run=consent.dry_run == "server")
    split = find_split(cluster, place.name, place.program)
    action = _CLEARING if clear else _make_action(to_weights(weights, split), _to_lasts(lasts), weights)
    carry_out_on(cluster, split, place, action, consent)
    context.exit(ExitCode.YES)


def to_weights(texts: Sequence[str], split: LiveSplit) -> dict[str, int]:
    """Percent by member; the only member that is not named gets what is left (as `kn` does)."""
    weights: dict[str, int] = {}
    for text in texts:
        name, _, share = text.partition("=")
        if not name or not share.isascii() or not share.isdigit() or int(share) > FULL:
            raise click.UsageError(f"{text!r} is not MEMBER=PERCENT, a whole number from 0 to {FULL}")
        if name in weights:
            raise click.UsageError(f"{name} is named twice")
        weights[name] = int(share)
    members = [member.name for member in split.status.members]
    strangers = [name for name in weights if members and name not in members]
    if strangers:
        raise click.UsageError(f"{strangers[0]} is no member of {split}; there is {', '.join(members)}")
    total = sum(weights.values())
    rest = [name for name in members if name not in weights]
    if total < FULL and len(rest) == 1:
        return {**weights, rest[0]: FULL - total}
    if total != FULL:
        raise click.UsageError(f"weights add up to {total}, want {FULL} ({', '.join(texts)})")
    return weights


def _to_lasts(text: str | None) -> str:
    if text is None:
        return DEFAULT_LASTS
    if not is_duration(text) or not to_seconds(text):
        raise click.UsageError(f"--for: {text!r} is not a duration such as 30m or 2h")
    return text


def _make_action(weights: Mapping[str, int], lasts: str, given: Sequence[str]) -> Action:
    def say(done: Done) -> str:
        override, named = done.after.status.override, {text.partition("=")[0] for text in given}
        shares = ", ".join(
            f"{name} {share}{'' if name in named else ' (remainder)'}"
            for name, share in sorted(weights.items())
        )
        until = f"until {to_clock(override.until)}" if override is not None else f"for {lasts}"
        return f"{shares}. Override {until}, then back to the rollout. The target is unchanged."

    ask = Ask(Verb.SET_WEIGHT, {"weights": dict(weights), "lasts": lasts})
    return Action(
        ask,
        "override the weights of {}",
        say,
        "status",
        notes=lambda _split: [f"lasts   {lasts}; the rollout stands meanwhile"],
    )


_CLEARING = Action(
    Ask(Verb.CLEAR_WEIGHT),
    "end the override of {}",
    lambda done: f"override cleared: {done.after} is {done.weight}",
    "status",
)
