"""`meshsplit demo`: a canary, or the first seed's walk-through, live on this machine."""

import shutil
import sys
import threading
import time
from pathlib import Path

import click

from meshsplit.cli.democanary import prepare_folder, show_canary
from meshsplit.cli.demodisvc import say_what_to_try, show_disvc, take_out
from meshsplit.cli.demoscenarios import CANARY_SCENARIOS
from meshsplit.cli.demosplit import BODY, PATH, show_split
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.local import gateway_port_option
from meshsplit.cli.localmesh import WORK, CannotServe, LocalMesh, running
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.signals import stopped_by_signals
from meshsplit.manifests.reader import DEFAULT_NAMESPACE
from meshsplit.model import Settings

SPLIT, DISVC = "split", "disvc"
"""The scenarios without a canary."""

EXAMPLES = {SPLIT: "walk-through", DISVC: "rolling-update"}
"""What is shown; of every canary it is the example of that name."""

LINGER_SECONDS = 60.0
"""How long the mesh stays up for a reader's own requests when no terminal can send Ctrl-C."""


@click.command("demo", short_help="a live canary on this machine, good or bad")
@gateway_port_option
@click.option(
    "--scenario",
    type=click.Choice([*CANARY_SCENARIOS, SPLIT, DISVC]),
    default="good",
    show_default=True,
    help="What the new version is like; split, disvc: no canary, but percentages or replicas.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of traffic and faults.")
@click.option(
    "--requests", type=click.IntRange(1), default=2000, show_default=True, help="Requests a step of split."
)
@click.option("--once", is_flag=True, help="Stop after the outcome instead of serving on.")
@output_options(["text"])
def demo_command(
    gateway_port: int, scenario: str, seed: int, requests: int, once: bool, output: Output
) -> int:
    """Roll a new version of a model out under live traffic, beside what other rules would have done.

    Needs no cluster: an embedded one, the controller and a real Envoy run on this machine, with model
    servers that fail or are slow as the scenario has it. Exit code 1 when the outcome is not the one that the
    scenario should have. With --scenario split two models become a group 80/20 with kubectl (without kubectl
    over the API), the split is measured, and changed under load. With --scenario disvc the next version of a
    DistributedInferenceService takes over under load.

    Writes only below ./.meshsplit/demo. Serves on until Ctrl-C on a terminal, else for one minute.
    """
    stop = threading.Event()
    work = WORK / "demo"
    folder = work / "manifests"
    opened = running(folder, work, gateway_port, DEFAULT_NAMESPACE, Settings(), output, keep=False)
    with stopped_by_signals(stop), opened as mesh:
        expected = _show(mesh, scenario, seed, requests, stop, output)
        if stop.is_set():
            return ExitCode.INTERRUPTED
        if once or not expected:
            return ExitCode.YES if expected else ExitCode.NO
        return _serve_on(mesh, scenario, stop, output)


def _show(
    mesh: LocalMesh, name: str, seed: int, requests: int, stop: threading.Event, output: Output
) -> bool:
    """Show the scenario; whether it came out as it should."""
    canary = CANARY_SCENARIOS.get(name)
    _copy_example(mesh.folder, EXAMPLES.get(name, "canary"))
    if canary is not None:
        prepare_folder(mesh.folder, canary)
    file = take_out(mesh.folder) if name == DISVC else None
    mesh.start(stop)
    output.answer(f"gateway  {mesh.session.url}{PATH if file is None else ''}   (a real Envoy)")
    output.answer(f"cluster  export KUBECONFIG={mesh.kubeconfig}   (kubectl works on it)")
    if canary is not None:
        return show_canary(mesh, canary, seed, stop, output)
    if file is not None:
        return show_disvc(mesh, file, stop, output)
    show_split(mesh, requests, stop, output)
    return True


def _serve_on(mesh: LocalMesh, scenario: str, stop: threading.Event, output: Output) -> int:
    output.answer("Your turn:")
    output.answer(f"  export KUBECONFIG={mesh.kubeconfig}")
    for line in say_what_to_try(mesh) if scenario == DISVC else _say_what_to_try(mesh):
        output.answer(f"  {line}")
    if sys.stdin.isatty():
        output.answer("Ctrl-C stops everything.")
        mesh.follow(stop)
        return ExitCode.INTERRUPTED
    output.answer(f"No terminal: serving {LINGER_SECONDS:.0f} s more. --once ends after the measurements.")
    timer = threading.Timer(LINGER_SECONDS, stop.set)
    timer.daemon = True
    timer.start()
    ends = time.monotonic() + LINGER_SECONDS
    mesh.follow(stop)
    return ExitCode.YES if time.monotonic() >= ends else ExitCode.INTERRUPTED


def _say_what_to_try(mesh: LocalMesh) -> list[str]:
    return [
        "kubectl get msplit,isvc,vs",
        f"curl -X POST {mesh.session.url}{PATH} -d '{BODY.decode()}'",
        f"edit {mesh.folder}/*.yaml, or use kubectl: the percentages must add up to 100",
    ]


def _copy_example(folder: Path, name: str) -> None:
    """Put a fresh copy of the example where its reader may edit it."""
    source = _find_example(name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)


def _find_example(name: str) -> Path:
    """The example's folder in a checkout, or in an installed package."""
    package = Path(__file__).parents[1]
    for root in (package.parent / "examples", package / "examples"):
        if (root / name).is_dir():
            return root / name
    raise CannotServe(f"the example folder {name} is not in this installation")
