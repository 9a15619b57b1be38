"""The static part of the demo: kubectl makes two models a group, and its split is measured and changed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from meshsplit.cli.kubectl import say_without_kubectl
from meshsplit.cli.localmesh import CannotServe
from meshsplit.cli.walkthrough import GROUP, GROUPING, HALVING, PREPARING, WEIGHING
from meshsplit.local.traffic import send_grpc, send_rest
from meshsplit.model import Split

if TYPE_CHECKING:
    from meshsplit.cli.localmesh import LocalMesh
    from meshsplit.cli.output import Output
    from meshsplit.cli.walkthrough import Line
    from meshsplit.local.traffic import Tally

PATH = f"/modelmesh/{GROUP.namespace}/v2/models/{GROUP.name}/infer"
BODY = b'{"inputs": [{"name": "predict", "shape": [1, 4], "datatype": "FP32", "data": [6.8, 2.8, 4.8, 1.4]}]}'

AT_FIRST = Split((("ai-model-one", 80), ("ai-model-two", 20)))
AT_LAST = Split((("ai-model-one", 50), ("ai-model-two", 50)))

CHANGE_SECONDS = 20.0
"""A change serves in a fraction of a second; a busy machine may take many times that."""


def show_split(mesh: LocalMesh, requests: int, stop: threading.Event, output: Output) -> None:
    """Walk through it, with so many requests a measurement; CannotServe when a change does not serve."""
    say_without_kubectl(output)
    _walk(mesh, (*PREPARING, *GROUPING, *WEIGHING), AT_FIRST, output)
    _measure(mesh, AT_FIRST, requests, output)
    if not stop.is_set():
        _edit_under_load(mesh, requests, output)
        _measure(mesh, AT_LAST, requests, output)


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


def _percents(split: Split) -> str:
    return "   ".join(f"{member} {weight:5.1f} %" for member, weight in split.weights)


def _measured(tally: Tally, split: Split) -> str:
    served = dict(tally.served)
    answered = max(sum(served.values()), 1)
    shares = "   ".join(
        f"{member} {100 * served.get(member, 0) / answered:5.1f} %" for member, _ in split.weights
    )
    return f"{shares}   of {tally.total} requests, {tally.failed} failed"
