"""One verb carried out: preview, consent, request, answer."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from meshsplit.cli.cluster import Cluster
from meshsplit.cli.consent import Consent
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.lookup import find_split
from meshsplit.cli.notdone import NotAnswered, NotDone
from meshsplit.cli.output import Output
from meshsplit.cli.place import Place
from meshsplit.cli.previews import to_preview, to_shares
from meshsplit.cli.rehearsal import Rehearsal, rehearse
from meshsplit.cli.requesting import MANAGER, Ask, find_answer, follow, prepare, read_user, send
from meshsplit.cli.splits import LiveSplit, to_split_report


@dataclass(frozen=True, slots=True)
class Done:
    """A request that was done: the ModelSplit before and after, what the controller said, after how long."""

    before: LiveSplit
    after: LiveSplit
    message: str
    seconds: float

    @property
    def weight(self) -> str:
        """What serves now, as `90 / 10`."""
        return self.after.status.weight


@dataclass(frozen=True, slots=True)
class Action:
    """How a verb is told: `doing` says what is done to `{}`, `result` makes the line of what was done.

    `notes` go below the preview, `following` is the next verb and its options, without NAME and namespace.
    """

    ask: Ask
    doing: str
    result: Callable[[Done], str]
    following: str
    notes: Callable[[LiveSplit], Sequence[str]] = lambda _split: ()


def carry_out(context: click.Context, place: Place, action: Action, consent: Consent) -> None:
    """Do what `action` asks for and end the command; what is not done is NotDone."""
    dry = consent.dry_run == "server"
    cluster = place.connection.open(place.namespace, manager=MANAGER, dry_run=dry)
    split = find_split(cluster, place.name, place.program)
    carry_out_on(cluster, split, place, action, consent)
    context.exit(ExitCode.YES)


def carry_out_on(cluster: Cluster, split: LiveSplit, place: Place, action: Action, consent: Consent) -> None:
    """The same for a ModelSplit that was read already."""
    prepared = prepare(action.ask, split, read_user(cluster), consent.reason)
    rehearsal = rehearse(split, prepared.request, time.time())
    if rehearsal.refusal:
        raise NotDone(rehearsal.refusal, following=f"{place.program} {_explain(split, cluster)}")
    context_name = place.connection.context_name()
    place.output.say(to_preview(split, action.doing, context_name, rehearsal, action.notes(split)))
    consent.require_jump(rehearsal.jump)
    if consent.dry_run == "client":
        _report_dry(place.output, action, split, rehearsal, "client", "nothing was sent")
        return
    consent.ask()
    began = time.monotonic()
    send(cluster, split, prepared)
    if consent.dry_run == "server":
        _report_dry(place.output, action, split, rehearsal, "server", "accepted, nothing changed")
        return
    after, message = _await(cluster, place, action, split, prepared.token, consent.patience)
    done = Done(split, after, message, time.monotonic() - began)
    _report_done(place, action, done, rehearsal, cluster)


def _await(
    cluster: Cluster, place: Place, action: Action, before: LiveSplit, token: str, seconds: float
) -> tuple[LiveSplit, str]:
    """The ModelSplit once the request is answered, and what it decided serves.

    The controller keeps its decision before it writes the routes, and says what serves after that.
    """
    told = f"no answer to {action.ask.verb} within {seconds:g}s; the request stands and may still be done"
    following = f"check -n {cluster.namespace}{cluster.flags}"
    for split in follow(cluster, place.name, place.program, seconds):
        answer = find_answer(split, token)
        if answer is None:
            continue
        if not answer.accepted:
            raise NotDone(answer.message, following=f"{place.program} {_explain(split, cluster)}")
        if is_done(before, split):
            return split, answer.message
        serves = f"still serves {split.status.weight} after {seconds:g}s"
        told = f"{action.ask.verb} is accepted, but {split} {serves}"
        following = _explain(split, cluster)
    raise NotAnswered(told, following=f"{place.program} {following}")


def is_done(before: LiveSplit, after: LiveSplit) -> bool:
    """Whether what was decided in answer to a request serves, where it changes the split at all."""
    return after.last_change == before.last_change or after.is_applied


def _explain(split: LiveSplit, cluster: Cluster) -> str:
    return f"explain {split.name} -n {split.namespace}{cluster.flags}"


def _report_dry(
    output: Output, action: Action, split: LiveSplit, rehearsal: Rehearsal, kind: str, text: str
) -> None:
    if output.format == "text":
        output.answer(f"dry run ({kind}): {text}")
        return
    body = _to_result(action, split, rehearsal)
    output.report("ActionResult", {**body, "dryRun": kind, "accepted": None, "message": text, "split": None})


def _report_done(place: Place, action: Action, done: Done, rehearsal: Rehearsal, cluster: Cluster) -> None:
    where = f"{done.after.name} -n {done.after.namespace}{cluster.flags}"
    verb, _, options = action.following.partition(" ")
    following = f"{place.program} {verb} {where}" + (f" {options}" if options else "")
    if place.output.format == "text":
        place.output.answer(f"{action.result(done)}\nNext: {following}")
        return
    body = _to_result(action, done.before, rehearsal)
    said = {"dryRun": "none", "accepted": True, "message": done.message, "next": following}
    place.output.report("ActionResult", {**body, **said, "split": to_split_report(done.after)})


def _to_result(action: Action, split: LiveSplit, rehearsal: Rehearsal) -> dict[str, Any]:
    rollout = split.status.rollout
    return {
        "verb": str(action.ask.verb),
        "namespace": split.namespace,
        "name": split.name,
        "rollout": rollout.id if rollout is not None else None,
        "before": to_shares(rehearsal.now) if rehearsal.now is not None else None,
        "after": to_shares(rehearsal.after) if rehearsal.after is not None else None,
        "jump": rehearsal.jump,
    }
