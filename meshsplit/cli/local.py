"""`meshsplit local`: a folder of manifests, served on this machine until Ctrl-C."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.inputs import load_settings, namespace_option, settings_option
from meshsplit.cli.localdisvcs import find_calls, find_disvcs
from meshsplit.cli.localmesh import WORK, LocalMesh, running
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.signals import stopped_by_signals
from meshsplit.disvc.objects import Disvc
from meshsplit.model import DeploymentMode, Group, Protocol, Translation

DEFAULT_PORT = 8080
"""The port of the walk-through that this project started from."""

PAYLOAD = '{"inputs": []}'

gateway_port_option = click.option(
    "--gateway-port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port of the gateway on 127.0.0.1; 0 takes a free one.",
)


@click.command("local", short_help="a cluster and a real Envoy on a folder of manifests")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@gateway_port_option
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=(
        'File that gets {"gateway": URL, "mesh": URL, "kubeconfig": PATH, "pid": N} as soon as a request '
        "would succeed."
    ),
)
@click.option(
    "--model-server",
    type=click.Choice(["bundled", "mlserver"]),
    default="bundled",
    show_default=True,
    help="What serves scikit-learn's InferenceServices of mode Standard: a stand-in or a real MLServer.",
)
@namespace_option
@settings_option
@output_options(["text"])
def local_command(
    folder: Path,
    gateway_port: int,
    ready_file: Path | None,
    model_server: str,
    namespace: str,
    settings: Path | None,
    output: Output,
) -> int:
    """Serve FOLDER as a cluster would: an embedded API server, the controller, and a real Envoy.

    Edits of the folder are followed while traffic flows, and so is whatever kubectl does with the kubeconfig
    that is printed. A folder that cannot be read any more, or percentages that do not add up, change nothing:
    the last valid split keeps serving. Stand-in model servers answer; KServe's part is played by setting
    their InferenceServices ready. The cluster's objects are kept in ./.meshsplit. Ctrl-C stops everything.
    """
    stop = threading.Event()
    mlserver = model_server == "mlserver"
    opened = running(
        folder, WORK, gateway_port, namespace, load_settings(settings), output, mlserver=mlserver
    )
    with stopped_by_signals(stop), opened as mesh:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)  # of a process that was killed
        translation = mesh.start(stop)
        mesh.splits.printing = True
        _banner(mesh, translation, output)
        with _announced(ready_file, mesh):
            mesh.follow(stop)
    return ExitCode.INTERRUPTED


def _banner(mesh: LocalMesh, translation: Translation, output: Output) -> None:
    output.say(f"gateway  {mesh.session.url}   (real Envoy)")
    output.say(f"mesh     {mesh.session.mesh_url}   (a sidecar's part: Services by name, in the Host header)")
    output.say(f"cluster  export KUBECONFIG={mesh.kubeconfig}")
    for outcome in translation.outcomes:
        split = mesh.splits.current.get(outcome.group.key)
        if split is not None:
            output.say(f"group    {outcome.group.key}   {split}")
            for line in _how_to_call(outcome.group, mesh.session.url):
                output.say(f"         {line}")
    for disvc in find_disvcs(mesh.session):
        output.say(f"disvc    {disvc.namespace}/{disvc.name}   {_to_text(disvc)}")
        for call in find_calls(disvc, mesh.session, mesh.settings.domain):
            output.say(f"         {call.to_curl(PAYLOAD)}")
    output.say(f"Edit {mesh.folder}, or use kubectl, while it serves; Ctrl-C stops everything.")


def _to_text(disvc: Disvc) -> str:
    status = disvc.status
    serving = f"version {status.current_version}" if status.current_version else "no version serves yet"
    return f"{serving}, {status.ready_replicas} of {status.desired_replicas} replicas ready"


def _how_to_call(group: Group, url: str) -> list[str]:
    """What a client sends to reach the group."""
    routing, name = group.routing, group.key.name
    prefix = "" if routing.own_host else f"/modelmesh/{group.key.namespace}"
    host = f'-H "Host: {routing.hosts[0]}" ' if routing.hosts and "*" not in routing.hosts[0] else ""
    lines = []
    if Protocol.HTTP in routing.protocols:
        lines.append(f"curl {host}{url}{prefix}/v2/models/{name}/infer -d '{PAYLOAD}'")
    if Protocol.GRPC in routing.protocols and any(m.mode is DeploymentMode.MODEL_MESH for m in group.members):
        lines.append(f"gRPC: header mm-vmodel-id: {name}; leave model_name empty")
    return lines


@contextmanager
def _announced(ready_file: Path | None, mesh: LocalMesh) -> Iterator[None]:
    """Keep the ready file, whole from its first moment, for as long as the mesh serves."""
    if ready_file is None:
        yield
        return
    beside = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
    ready = {
        "gateway": mesh.session.url,
        "mesh": mesh.session.mesh_url,
        "kubeconfig": str(mesh.kubeconfig),
        "pid": os.getpid(),
    }
    beside.write_text(json.dumps(ready) + "\n")
    beside.replace(ready_file)
    try:
        yield
    finally:
        ready_file.unlink(missing_ok=True)
