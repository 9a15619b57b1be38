"""`meshsplit local`: a folder of manifests, served on this machine until Ctrl-C."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.findings import Located, join_findings, locate_findings, make_places, without_silenced
from meshsplit.cli.inputs import load_settings, namespace_option, settings_option
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.text import to_text
from meshsplit.diagnostics import Severity
from meshsplit.local.folder import read_folder, watch_folder
from meshsplit.local.gateway import GatewayError, PortInUse
from meshsplit.local.mesh import UnsupportedField
from meshsplit.local.models.process import ModelServerError
from meshsplit.local.session import Session
from meshsplit.manifests.files import UnreadableInput
from meshsplit.manifests.reader import ReadResult
from meshsplit.model import DeploymentMode, Group, GroupKey, Protocol, Split, Translation

WORK = Path(".meshsplit")
"""Everything that a local mesh writes is below this folder of the working directory."""

DEFAULT_PORT = 8080
"""The port of the walk-through that this project started from."""

PAYLOAD = '{"inputs": []}'

EXTRA = "needs more packages: pip install 'meshsplit[local]'"


class CannotServe(click.ClickException):
    """What stops a local mesh; the message is one a user can act on."""

    exit_code = ExitCode.UNANSWERED


gateway_port_option = click.option(
    "--gateway-port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port of the gateway on 127.0.0.1; 0 takes a free one.",
)


@click.command("local", short_help="a real Envoy on a folder of manifests")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@gateway_port_option
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help='File that gets {"gateway": URL, "pid": N} as soon as a request would succeed.',
)
@namespace_option
@settings_option
@output_options(["text"])
def local_command(
    folder: Path,
    gateway_port: int,
    ready_file: Path | None,
    namespace: str,
    settings: Path | None,
    output: Output,
) -> int:
    """Serve FOLDER as a gateway would: its groups on a real Envoy, with stand-in model servers behind it.

    Edits of the folder are followed while traffic flows. A folder that cannot be read any more, or
    percentages that do not add up, change nothing: the last valid split keeps serving. Ctrl-C stops
    everything.
    """
    stop = threading.Event()
    with stopped_by_signals(stop), running(folder, gateway_port, namespace, settings, output) as mesh:
        mesh.start()
        _banner(mesh, output)
        with _announced(ready_file, mesh.session.url):
            mesh.follow(stop)
    return ExitCode.INTERRUPTED


@dataclass
class LocalMesh:
    """A session and the folder it follows."""

    session: Session
    folder: Path
    namespace: str
    output: Output
    translation: Translation | None = None
    splits: dict[GroupKey, Split] = field(default_factory=dict)
    said: str = ""

    def start(self) -> Translation:
        """Serve the folder as it is; CannotServe when it cannot be read or gives no routes."""
        result = read_folder(self.folder, self.namespace)
        if _broken(result):
            self._say_findings(result, None)
            raise CannotServe(f"{self.folder} cannot be read; fix what is said above")
        translation = self.session.apply([document.body for document in result.documents])
        self._say_findings(result, translation)
        if not translation.objects:
            raise CannotServe(f"{self.folder} gives no routes; see: meshsplit lint {self.folder}")
        self.translation, self.splits = translation, translation.splits
        return translation

    def follow(self, stop: threading.Event, until: Callable[[], bool] = lambda: False) -> None:
        """Serve every edit of the folder until `stop` is set or `until` holds after one.

        GatewayError or ModelServerError when Envoy or the model server ends by itself.
        """
        for changed in watch_folder(self.folder, stop):
            self.session.require_running()
            self.session.prune()
            if changed and not stop.is_set():
                self._serve_edit()
            if until():
                return

    def _serve_edit(self) -> None:
        try:
            result = read_folder(self.folder, self.namespace)
            if _broken(result):
                self._say_findings(result, None)
                return
            translation = self.session.apply([document.body for document in result.documents])
        except (UnreadableInput, UnsupportedField, GatewayError) as error:
            self.output.say(f"error: {error}; what served before keeps serving")
            return
        self._say_findings(result, translation)
        self._say_changes(translation)

    def _say_changes(self, translation: Translation) -> None:
        for key in sorted({*self.splits, *translation.splits}):
            before, after = self.splits.get(key), translation.splits.get(key)
            if before != after:
                now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                self.output.say(f"{now} {key} {before or 'no routes'} → {after or 'no routes'}")
        self.translation, self.splits = translation, translation.splits

    def _say_findings(self, result: ReadResult, translation: Translation | None) -> None:
        """Print what was found, unless it is what was printed last."""
        text = to_text(_locate(result, translation), self.output.stderr)
        if text != self.said:
            self.output.say(text or "Nothing is wrong any more.")
        self.said = text


@contextmanager
def running(
    folder: Path, gateway_port: int, namespace: str, settings: Path | None, output: Output
) -> Iterator[LocalMesh]:
    """A started session for `folder`; stopped, and its files removed, at the end. Errors are CannotServe."""
    try:
        import_module("watchfiles")
    except ImportError:
        raise CannotServe(f"meshsplit local {EXTRA}") from None
    directory = WORK / f"local-{os.getpid()}"
    try:
        session = Session.start(directory, gateway_port, load_settings(settings))
        try:
            yield LocalMesh(session, folder, namespace, output)
        finally:
            session.stop()
    except PortInUse as error:
        raise CannotServe(f"{error}; choose another with --gateway-port, 0 takes a free one") from None
    except UnsupportedField as error:
        raise CannotServe(f"the local mesh cannot serve this: {error}") from None
    except (UnreadableInput, GatewayError, ModelServerError) as error:
        raise CannotServe(str(error)) from None
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _broken(result: ReadResult) -> bool:
    """Whether an object may be missing from what was read: serving that would take its traffic away."""
    return any(located.severity is Severity.ERROR for located in _locate(result, None))


def _locate(result: ReadResult, translation: Translation | None) -> tuple[Located, ...]:
    found = join_findings(result.findings, translation.findings if translation else ())
    objects, outcomes = (translation.objects, translation.outcomes) if translation else ((), ())
    places = make_places(result.documents, objects, outcomes)
    return without_silenced(locate_findings(found, places), places, result.ignores)


def _banner(mesh: LocalMesh, output: Output) -> None:
    translation = mesh.translation
    if translation is None:
        return
    output.say(f"gateway  {mesh.session.url}   (real Envoy)")
    for outcome in translation.outcomes:
        if outcome.split is not None:
            output.say(f"group    {outcome.group.key}   {outcome.split}")
            for line in _how_to_call(outcome.group, mesh.session.url):
                output.say(f"         {line}")
    output.say(f"Edit {mesh.folder} while it serves; Ctrl-C stops everything.")


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
def _announced(ready_file: Path | None, url: str) -> Iterator[None]:
    """Keep the ready file, whole from its first moment, for as long as the mesh serves."""
    if ready_file is None:
        yield
        return
    beside = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
    beside.write_text(json.dumps({"gateway": url, "pid": os.getpid()}) + "\n")
    beside.replace(ready_file)
    try:
        yield
    finally:
        ready_file.unlink(missing_ok=True)


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set `stop` instead of breaking off in the middle of a write."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
