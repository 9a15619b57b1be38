"""The verbs that steer a rollout: `promote`, `pause`, `resume`, `abort` and `retry`."""

import click

from meshsplit.cli.action import Action, Done, carry_out
from meshsplit.cli.consent import Consent
from meshsplit.cli.evidencetext import NOT_SURE, say_verdict
from meshsplit.cli.place import Place, acting
from meshsplit.cli.requesting import Ask
from meshsplit.cli.splits import LiveSplit
from meshsplit.rollout.requests import Verb


@click.command("promote")
@click.option("--step", is_flag=True, help="Only to the next step.")
@acting
def promote_command(context: click.Context, place: Place, consent: Consent, step: bool) -> None:
    """Give the canary of the ModelSplit NAME its whole share, whatever the evidence says.

    With --step only that of the next step, where the evidence is looked at again.

    Exit codes: 0 done; 2 could not reach the cluster, or there is no such ModelSplit; 3 refused or not
    confirmed; 4 no answer of the controller within --timeout.
    """
    carry_out(context, place, make_promote(step=step), consent)


@click.command("pause")
@click.option("--freeze", is_flag=True, help="Also keep what is measured from rolling it back.")
@acting
def pause_command(context: click.Context, place: Place, consent: Consent, freeze: bool) -> None:
    """Hold the rollout of the ModelSplit NAME where it is; a breach still rolls it back, unless frozen.

    Exit codes: 0 done; 2 could not reach the cluster, or there is no such ModelSplit; 3 refused or not
    confirmed; 4 no answer of the controller within --timeout.
    """
    carry_out(context, place, make_pause(place.program, freeze=freeze), consent)


@click.command("resume")
@acting
def resume_command(context: click.Context, place: Place, consent: Consent) -> None:
    """Let the paused rollout of the ModelSplit NAME go on where it stands.

    Exit codes: 0 done; 2 could not reach the cluster, or there is no such ModelSplit; 3 refused or not
    confirmed; 4 no answer of the controller within --timeout.
    """
    carry_out(context, place, make_resume(), consent)


@click.command("abort")
@acting
def abort_command(context: click.Context, place: Place, consent: Consent) -> None:
    """End the rollout of the ModelSplit NAME, back to the split that it began with.

    The target stays as it is written, and is not tried again before it changes or is retried.

    Exit codes: 0 done; 2 could not reach the cluster, or there is no such ModelSplit; 3 refused or not
    confirmed; 4 no answer of the controller within --timeout.
    """
    carry_out(context, place, make_abort(place.program), consent)


@click.command("retry")
@acting
def retry_command(context: click.Context, place: Place, consent: Consent) -> None:
    """Try the target of the ModelSplit NAME again that was rolled back or aborted: a new rollout.

    Exit codes: 0 done; 2 could not reach the cluster, or there is no such ModelSplit; 3 refused or not
    confirmed; 4 no answer of the controller within --timeout.
    """
    action = Action(
        Ask(Verb.RETRY),
        "retry {}",
        lambda done: f"retried: {done.after} begins a new rollout to {done.after.status.target}",
        "watch",
        notes=lambda split: [f"then    a new rollout to {split.status.target}, by evidence"],
    )
    carry_out(context, place, action, consent)


def make_promote(*, step: bool = False) -> Action:
    """To the target, or one step on."""
    return Action(
        Ask(Verb.PROMOTE, {"step": step}),
        "promote {} one step" if step else "promote {}",
        _say_promoted,
        "watch" if step else "wait --for promoted",
        notes=lambda split: _say_skipped(split, step),
    )


def make_pause(program: str, *, freeze: bool = False) -> Action:
    """To hold it where it is."""

    def say(done: Done) -> str:
        if freeze:
            return f"frozen: {done.after} stays at {done.weight}. A breach does not roll it back."
        again = f"{program} pause {done.after.name} -n {done.after.namespace} --freeze"
        return (
            f"paused: {done.after} stays at {done.weight}. The analysis keeps measuring; a breach still "
            f"rolls back.\n        To stop that too: {again}"
        )

    ask = Ask(Verb.PAUSE, {"freeze": freeze})
    return Action(ask, "freeze {}" if freeze else "pause {}", say, "resume")


def make_resume() -> Action:
    """To let it go on."""
    return Action(Ask(Verb.RESUME), "resume {}", lambda done: f"resumed: {_at_step(done.after)}", "watch")


def make_abort(program: str) -> Action:
    """To end it and go back."""

    def say(done: Done) -> str:
        retry = f"{program} retry {done.after.name} -n {done.after.namespace}"
        return (
            f"aborted: {done.after} is {done.weight} (was {done.before.status.weight}). "
            f"The target is still {done.after.status.target}; it is not\n"
            f"         tried again until it changes or you run: {retry}"
        )

    return Action(Ask(Verb.ABORT), "abort {}", say, "status")


def _say_promoted(done: Done) -> str:
    rollout = done.after.status.rollout
    if rollout is not None and rollout.state == "Progressing":
        return f"advanced: {_at_step(done.after)}"
    return f"promoted: {done.after} is {done.weight}"


def _at_step(split: LiveSplit) -> str:
    rollout = split.status.rollout
    step = f", step {rollout.step} of {rollout.steps}" if rollout is not None and rollout.steps else ""
    return f"{split} goes on at {split.status.weight}{step}"


def _say_skipped(split: LiveSplit, step: bool) -> list[str]:
    """What a promotion by hand does without: steps, and evidence that is not in."""
    rollout, decision = split.status.rollout, split.status.last_decision
    skipped = []
    if rollout is not None and not step and rollout.step < rollout.steps:
        first, last = rollout.step + 1, rollout.steps
        skipped.append(f"step {last}" if first == last else f"steps {first} to {last}")
    if decision is None or not decision.safety:
        skipped.append("all evidence: none is in")
    elif say_verdict(decision) == NOT_SURE:
        skipped.append("the evidence of safety that is still missing")
    return [f"skips: {', '.join(skipped)}"] if skipped and split.strategy == "Canary" else []
