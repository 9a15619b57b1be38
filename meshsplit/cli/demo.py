"""`meshsplit demo`: the first seed's walk-through, live on this machine."""

import shutil
import sys
import threading
import time
from pathlib import Path

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.local import gateway_port_option
from meshsplit.cli.localmesh import WORK, CannotServe, LocalMesh, running
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.signals import stopped_by_signals
from meshsplit.cli.walkthrough import GROUP, GROUPING, HALVING, PREPARING, WEIGHING, Line
from meshsplit.local.traffic import Tally, send_grpc, send_rest
from meshsplit.manifests.reader import DEFAULT_NAMESPACE
from meshsplit.model import Settings, Split

PATH = f"/modelmesh/{GROUP.namespace}/v2/models/{GROUP.name}/infer"
BODY = b'{"inputs": [{"name": "predict", "shape": [1, 4], "datatype": "FP32", "data": [6.8, 2.8, 4.8, 1.4]}]}'

AT_FIRST = Split((("ai-model-one", 80), ("ai-model-two", 20)))
AT_LAST = Split((("ai-model-one", 50), ("ai-model-two", 50)))

LINGER_SECONDS = 60.0
"""How long the mesh stays up for a reader's own requests when no terminal can send Ctrl-C."""

# A change serves in a fraction of a second; a busy machine may take many times that.
CHANGE_SECONDS = 20.0


@click.command("demo", short_help="a live split on this machine, measured")
@gateway_port_option
@click.option("--requests", type=click.IntRange(1), default=2000, show_default=True, help="Requests a step.")
@click.option("--once", is_flag=True, help="Stop after the measurements instead of serving on.")
@output_options(["text"])
def demo_command(gateway_port: int, requests: int, once: bool, output: Output) -> int:
    """Make two models a group 80/20 with kubectl, measure the split, change it under load, and serve on.

    Needs no cluster: an embedded one, the controller and a real Envoy run on this machine. Without kubectl
    the same changes are made over the API. Writes only below ./.meshsplit/demo. Serves until Ctrl-C on a
    terminal, else for one minute.
    """
    stop = threading.Event()
    work = WORK / "demo"
    folder = work / "manifests"
    opened = running(folder, work, gateway_port, DEFAULT_NAMESPACE, Settings(), output, keep=False)
    with stopped_by_signals(stop), opened as mesh:
        _copy_example(folder)
        mesh.start(stop)
        output.answer(f"gateway  {mesh.session.url}   a real Envoy; models ai-model-one and ai-model-two")
        output.answer(f"cluster  export KUBECONFIG={mesh.kubeconfig}\n")
        if shutil.which("kubectl") is None:
            output.answer("There is no kubectl on the PATH: what it would do is done over the API.")
        _walk(mesh, (*PREPARING, *GROUPING, *WEIGHING), AT_FIRST, output)
        _measure(mesh, AT_FIRST, requests, output)
        if not stop.is_set():
            _edit_under_load(mesh, requests, output)
            _measure(mesh, AT_LAST, requests, output)
        if once or stop.is_set():
            return ExitCode.INTERRUPTED if stop.is_set() else ExitCode.YES
        return _serve_on(mesh, stop, output)


def _walk(mesh: LocalMesh, lines: tuple[Line, ...], split: Split, output: Output) -> None:
    """Do what the lines say, printing each, and wait until the group serves `split`."""
    for line in lines:
        output.answer(f"$ {line}")
        line.run(mesh)
    if not mesh.splits.wait_for(GROUP, split, CHANGE_SECONDS):
        mesh.require_running()
        raise CannotServe(f"{GROUP} does not serve {split}; see: kubectl describe msplit {GROUP.name}")


def _measure(mesh: LocalMesh, split: Split, requests: int, output: Output) -> None:
    output.answer(f"\nasked for   {_percents(split)}")
    output.answer(f"REST        {_measured(send_rest(mesh.session.url, PATH, BODY, requests), split)}")
    output.answer(f"gRPC        {_measured(send_grpc(mesh.session.url, GROUP.name, requests), split)}\n")


def _edit_under_load(mesh: LocalMesh, requests: int, output: Output) -> None:
    """Change both percentages while requests flow, at least so many from before to after."""
    during: list[Tally] = []
    quiet = threading.Event()

    def load() -> None:
        while not quiet.is_set() or sum(tally.total for tally in during) < requests:
            during.append(send_rest(mesh.session.url, PATH, BODY, 100))

    sender = threading.Thread(target=load)
    sender.start()
    try:
        _walk(mesh, HALVING, AT_LAST, output)
    finally:
        quiet.set()
        sender.join()
    sent, failed = sum(tally.total for tally in during), sum(tally.failed for tally in during)
    output.answer(f"meanwhile   {sent} requests, {failed} failed")


def _serve_on(mesh: LocalMesh, stop: threading.Event, output: Output) -> int:
    output.answer("Your turn:")
    output.answer(f"  export KUBECONFIG={mesh.kubeconfig}")
    output.answer("  kubectl get msplit,isvc,vs")
    output.answer(f"  curl -X POST {mesh.session.url}{PATH} -d '{BODY.decode()}'")
    output.answer(f"  edit {mesh.folder}/*.yaml, or use kubectl: the percentages must add up to 100")
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


def _percents(split: Split) -> str:
    return "   ".join(f"{member} {weight:5.1f} %" for member, weight in split.weights)


def _measured(tally: Tally, split: Split) -> str:
    served = dict(tally.served)
    answered = max(sum(served.values()), 1)
    shares = "   ".join(
        f"{member} {100 * served.get(member, 0) / answered:5.1f} %" for member, _ in split.weights
    )
    return f"{shares}   of {tally.total} requests, {tally.failed} failed"


def _copy_example(folder: Path) -> None:
    """Put a fresh copy of the example where its reader may edit it."""
    source = _example()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)


def _example() -> Path:
    """The example's folder in a checkout, or in an installed package."""
    package = Path(__file__).parents[1]
    for root in (package.parent / "examples", package / "examples"):
        if (root / "walk-through").is_dir():
            return root / "walk-through"
    raise CannotServe("the example folder walk-through is not in this installation")
