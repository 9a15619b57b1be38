"""`meshsplit demo`: the first seed's walk-through, live on this machine."""

import shutil
import sys
import threading
import time
from pathlib import Path

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.local import WORK, CannotServe, LocalMesh, gateway_port_option, running, stopped_by_signals
from meshsplit.cli.output import Output, output_options
from meshsplit.local.traffic import Tally, send_grpc, send_rest
from meshsplit.manifests.reader import DEFAULT_NAMESPACE
from meshsplit.model import GroupKey, Split

GROUP = GroupKey("modelmesh-apps", "ai-model")
PATH = f"/modelmesh/{GROUP.namespace}/v2/models/{GROUP.name}/infer"
BODY = b'{"inputs": [{"name": "predict", "shape": [1, 4], "datatype": "FP32", "data": [6.8, 2.8, 4.8, 1.4]}]}'

LINGER_SECONDS = 60.0
"""How long the mesh stays up for a reader's own requests when no terminal can send Ctrl-C."""


@click.command("demo", short_help="a live split on this machine, measured")
@gateway_port_option
@click.option("--requests", type=click.IntRange(1), default=2000, show_default=True, help="Requests a step.")
@click.option("--once", is_flag=True, help="Stop after the measurements instead of serving on.")
@output_options(["text"])
def demo_command(gateway_port: int, requests: int, once: bool, output: Output) -> int:
    """Serve two models 80/20 on a real Envoy, measure the split, change it under load, and serve on.

    Needs no cluster. Writes only below ./.meshsplit. Serves until Ctrl-C on a terminal, else for one minute.
    """
    stop = threading.Event()
    folder = WORK / "demo"
    _copy_example(folder)
    with stopped_by_signals(stop), running(folder, gateway_port, DEFAULT_NAMESPACE, None, output) as mesh:
        mesh.start()
        output.answer(f"gateway  {mesh.session.url}   a real Envoy; models ai-model-one and ai-model-two\n")
        _measure(mesh, requests, output)
        if not stop.is_set():
            _edit_under_load(mesh, stop, requests, output)
        if once or stop.is_set():
            return ExitCode.INTERRUPTED if stop.is_set() else ExitCode.YES
        return _serve_on(mesh, stop, output)


def _measure(mesh: LocalMesh, requests: int, output: Output) -> None:
    split = mesh.splits[GROUP]
    output.answer(f"asked for   {_percents(split)}")
    output.answer(f"REST        {_measured(send_rest(mesh.session.url, PATH, BODY, requests), split)}")
    output.answer(f"gRPC        {_measured(send_grpc(mesh.session.url, GROUP.name, requests), split)}\n")


def _edit_under_load(mesh: LocalMesh, stop: threading.Event, requests: int, output: Output) -> None:
    """Change both percentages while requests flow, then measure again."""
    during: list[Tally] = []
    quiet = threading.Event()

    def load() -> None:
        while not quiet.is_set():
            during.append(send_rest(mesh.session.url, PATH, BODY, 100))

    before = mesh.splits[GROUP]
    sender = threading.Thread(target=load)
    sender.start()
    output.answer("edit        ai-model-one 80 → 50, ai-model-two 20 → 50, while requests flow")
    for name, percent in (("ai-model-one", "80"), ("ai-model-two", "20")):
        path = mesh.folder / f"{name}.yaml"
        path.write_text(path.read_text().replace(f'"{percent}"', '"50"'))
    mesh.follow(stop, until=lambda: mesh.splits[GROUP] != before)
    quiet.set()
    sender.join()
    sent, failed = sum(tally.total for tally in during), sum(tally.failed for tally in during)
    output.answer(f"meanwhile   {sent} requests, {failed} failed\n")
    if not stop.is_set():
        _measure(mesh, requests, output)


def _serve_on(mesh: LocalMesh, stop: threading.Event, output: Output) -> int:
    output.answer("Your turn:")
    output.answer(f"  curl -X POST {mesh.session.url}{PATH} -d '{BODY.decode()}'")
    output.answer(f"  edit {mesh.folder}/ai-model-*.yaml: the percentages must add up to 100")
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
        if (root / "modelmesh-canary").is_dir():
            return root / "modelmesh-canary"
    raise CannotServe("the example folder modelmesh-canary is not in this installation")
