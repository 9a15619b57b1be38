"""`meshsplit simulate`: play a rollout against made-up or recorded traffic."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from meshsplit.analysis.walk import Act, Course
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.expectations import Met, check_expectations, to_line
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.cli.progress import progress_of
from meshsplit.cli.quantities import RATE, SECONDS, TRAFFIC, Weights
from meshsplit.cli.scenarios import Options, Played, load_recording, load_scenario, make_default
from meshsplit.cli.simulatereport import to_replay_report, to_rollout_report, to_study_report
from meshsplit.cli.simulatetext import to_ending, to_rows, to_study
from meshsplit.simulation.catalogue import NAMES, OURS, make_rule_maker
from meshsplit.simulation.chance import Chance
from meshsplit.simulation.judged import Judged, judge_study
from meshsplit.simulation.play import Row, Run, play
from meshsplit.simulation.replayed import replay
from meshsplit.simulation.scenario import stable_of
from meshsplit.simulation.study import play_many, summarise
from meshsplit.simulation.words import OUTCOMES

MOST_RUNS = 1_000_000


def world_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what the rollout meets."""
    options = [
        click.option("--rps", "traffic", type=TRAFFIC, help="Requests a second of the group."),
        click.option("--baseline-errors", "baseline", type=RATE, help="Stable's error rate: 0.2% or 0.002."),
        click.option("--canary-errors", "canary", type=RATE, help="The canary's; left out: stable's."),
        click.option("--read-interval", "read_seconds", type=SECONDS, help="Time between reads; 15s."),
        click.option("--lag", type=SECONDS, help="From a request to the read that shows it; 0s."),
        click.option("--icc", type=RATE, help="Correlation of errors within a read; 0."),
        click.option("--drift", type=RATE, help="Hourly swing of both error rates, relative; 0."),
        click.option("--weights", type=Weights(), help="Steps in percent, such as 5,10,25,50."),
        click.option(
            "--seed", type=click.IntRange(0), help="Same seed, same rollout; the scenario's, else 0."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command("simulate")
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--rule", type=click.Choice(NAMES), default=OURS, show_default=True, help="Whose rule decides.")
@click.option(
    "--runs", type=click.IntRange(1, MOST_RUNS), default=1, show_default=True, help="Rollouts to play."
)
@click.option("--replay", "recorded", type=click.Path(path_type=Path), help="A recorded range query instead.")
@click.option("--all", "every", is_flag=True, help="Show every read.")
@world_options
@output_options(["table", "json", "yaml"])
@click.pass_context
def simulate_command(
    context: click.Context,
    /,
    scenario: Path | None,
    rule: str,
    runs: int,
    recorded: Path | None,
    every: bool,
    output: Output,
    **world: Any,
) -> None:
    """Play a rollout against the traffic of SCENARIO, or of the options.

    One rollout is shown read by read. With --runs many are played, for a canary as good as stable and for the
    given one: how often the verdict is wrong, how long it takes, what it costs. With --replay the rule judges
    what was recorded: {"good": ANSWER, "bad": ANSWER}, answers of Prometheus to range queries of two counters
    with a label member.

    Exit codes: 0 as expected; 1 not as the scenario expects or, without expectations, rolled back; 2 could
    not read the input. Many rollouts have no such answer, and end with 0.
    """
    options = Options(**world)
    if recorded is not None:
        _replay(context, recorded, scenario, options, every, output)
    played = load_scenario(scenario, options) if scenario else make_default(options)
    if runs > 1:
        _study(context, played, rule, runs, output)
    rows: list[Row] = []
    chance = make_chance(played.seed, 0)
    decider = make_rule_maker(rule, played.policy.course)(played.world, chance)
    run = play(played.world, decider, chance, rows.append)
    met = check_expectations(played.expect, run)
    if output.format == "table":
        output.answer(to_rows(rows, every) + "\n\n" + to_ending(run, played.canary))
        if met:
            output.answer(to_line(met))
        output.answer(f"Next: {program_of(context)} simulate {_again(scenario, options)} --runs 1000")
    else:
        output.report("SimulationReport", to_rollout_report(played, rule, rows, run, met))
    context.exit(_to_code(run, met))


def make_chance(seed: int, run: int) -> Chance:
    """The chance of one run of a seed; the same on every machine and in every version of Python since 3.2."""
    return random.Random(f"{seed}/{run}")  # noqa: S311 - a simulation


def _to_code(run: Run, met: tuple[Met, ...]) -> ExitCode:
    if met:
        return ExitCode.YES if all(each.met for each in met) else ExitCode.NO
    return ExitCode.NO if run.act is Act.ROLLBACK else ExitCode.YES


def _again(scenario: Path | None, options: Options) -> str:
    if scenario is not None:
        return str(scenario)
    words = [f"--rps {options.traffic:g}", f"--baseline-errors {options.baseline:g}"]
    return " ".join(
        [*words, *([f"--canary-errors {options.canary:g}"] if options.canary is not None else [])]
    )


def _study(context: click.Context, played: Played, rule: str, runs: int, output: Output) -> None:
    if played.expect is not None:
        output.say("expect is about one rollout; it is not checked with --runs")
    judged = tuple(_judge(played, rule, runs, output))
    if output.format == "table":
        output.answer(to_study(judged))
    else:
        output.report("SimulationReport", to_study_report(played, rule, runs, judged))
    context.exit(ExitCode.YES)


def _judge(played: Played, rule: str, runs: int, output: Output) -> Iterator[Judged]:
    """A canary that is stable's equal, then the one that is given where that is another."""
    equal = replace(played.world, canary=played.world.stable)
    worlds = [(f"{played.canary} as good as {played.stable}", equal)]
    if played.world.canary != played.world.stable:
        worlds.append((f"{played.canary} as given", played.world))
    make = make_rule_maker(rule, played.policy.course)
    with progress_of(output, runs * len(worlds), "rollouts") as advance:
        for title, world in worlds:
            done = play_many(world, make, (make_chance(played.seed, at) for at in range(runs)), advance)
            weight = max(run.largest_weight for run in done)
            yield judge_study(title, summarise(done), world, played.policy.course.rules, weight)


def _replay(
    context: click.Context,
    recorded: Path,
    scenario: Path | None,
    options: Options,
    every: bool,
    output: Output,
) -> None:
    """Judge a recording, and end the command."""
    recording = load_recording(recorded)
    played = load_scenario(scenario, options) if scenario else None
    course = played.policy.course if played else Course()
    stable = stable_of(dict.fromkeys(recording.members), played.stable if played else None)
    canary = next(member for member in recording.members if member != stable)
    rows, act = replay(recording, stable, canary, course, options.weights)
    if output.format == "table":
        table = to_rows(rows, every) if rows else "No two samples can be compared."
        output.answer(f"{canary} against {stable}, {len(rows)} reads\n\n{table}\n\nOutcome: {OUTCOMES[act]}")
    else:
        output.report("SimulationReport", to_replay_report(stable, canary, rows, OUTCOMES[act]))
    context.exit(ExitCode.NO if act is Act.ROLLBACK else ExitCode.YES)
