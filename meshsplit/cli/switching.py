"""The verbs that move all traffic at once: `flip` and `rollback`."""

from datetime import datetime

import click

from meshsplit.cli.action import Action, Done, carry_out
from meshsplit.cli.consent import Consent
from meshsplit.cli.place import Place, acting
from meshsplit.cli.previews import to_weights
from meshsplit.cli.rehearsal import find_serving
from meshsplit.cli.requesting import Ask
from meshsplit.cli.splits import LiveSplit
from meshsplit.rollout.requests import Verb


@click.command("flip")
@click.option("--to", "member", default="", metavar="MEMBER", help="The side; needed with more than two.")
@acting
def flip_command(context: click.Context, place: Place, consent: Consent, member: str) -> None:
    """Give all traffic of the blue/green ModelSplit NAME to its other side.

    Exit codes: 0 done; 2 could not reach the cluster, or there is no such ModelSplit; 3 refused or not
    confirmed; 4 no answer of the controller within --timeout.
    """
    action = Action(
        Ask(Verb.FLIP, {"member": member}), "flip {}", _say_flipped, "rollback", notes=_say_readiness
    )
    carry_out(context, place, action, consent)


@click.command("rollback")
@click.option("--to", "number", type=click.IntRange(min=1), metavar="N", help="A number of `history`.")
@acting
def rollback_command(context: click.Context, place: Place, consent: Consent, number: int | None) -> None:
    """Go back to the last split of the ModelSplit NAME that was held as good, or to number N.

    The target stays as it is written, and is not tried again before it changes or is retried.

    Exit codes: 0 done; 2 could not reach the cluster, or there is no such ModelSplit; 3 refused or not
    confirmed; 4 no answer of the controller within --timeout.
    """
    action = Action(
        Ask(Verb.ROLLBACK, {"to": number}),
        "roll {} back",
        _say_rolled_back,
        "status",
    )
    carry_out(context, place, action, consent)


def find_active(split: LiveSplit) -> str:
    """The member with most of the traffic, "" where nobody has any."""
    members = sorted(split.status.members, key=lambda each: (-(each.weight or 0), each.name))
    return members[0].name if members and members[0].weight else ""


def _say_readiness(split: LiveSplit) -> list[str]:
    unready = [each.name for each in split.status.members if each.ready is False]
    checks = f"checks  {', '.join(unready)} not Ready" if unready else "checks  all members Ready"
    decision = split.status.last_decision
    return [checks, *([f"last    {decision.message}"] if decision is not None and decision.message else [])]


def _say_flipped(done: Done) -> str:
    old, new = find_active(done.before), find_active(done.after)
    text = f"flipped: {done.after} active is {new} (was {old}) in {done.seconds:.1f}s"
    kept = done.after.status.kept
    return f"{text}\n{kept.member} is kept until {to_clock(kept.until)} for a way back" if kept else text


def _say_rolled_back(done: Done) -> str:
    """By member: who comes first in a split may be another one than before."""
    stable = done.after.status.stable
    after, before = (to_weights(find_serving(each.status), stable) for each in (done.after, done.before))
    return f"rolled back: {done.after} is {after} (was {before})"


def to_clock(at: datetime) -> str:
    """`14:32Z`."""
    return f"{at:%H:%M}Z"
