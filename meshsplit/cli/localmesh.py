"""A folder of manifests in the embedded cluster, with the controller and a real Envoy."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshsplit.cli.compare import ref_of
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.findings import Located, join_findings, locate_findings, make_places, without_silenced
from meshsplit.cli.served import ServedSplits
from meshsplit.cli.text import to_text
from meshsplit.diagnostics import Severity
from meshsplit.istio.names import MANAGED_BY, MANAGER
from meshsplit.local.folder import read_folder, watch_folder
from meshsplit.local.gateway import GatewayError, PortInUse
from meshsplit.local.models.process import ModelServerError
from meshsplit.manifests.files import UnreadableInput
from meshsplit.manifests.reader import ReadResult
from meshsplit.translate import identity_of, translate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from meshsplit.cli.output import Output
    from meshsplit.controller.manager import Manager
    from meshsplit.local.session import Session
    from meshsplit.local.sync import Refusal
    from meshsplit.model import Settings, Translation

WORK = Path(".meshsplit")
"""Everything that a local mesh writes is below this folder of the working directory."""

EXTRA = "needs more packages: pip install 'meshsplit[local]'"

# The controller has answered a start in well below a second; a busy machine may take many times that.
SETTLE_SECONDS = 20.0
_LOOK_SECONDS = 0.02
_STATE_FILE = "cluster.jsonl"
_KUBECONFIG = "kubeconfig"
_MIRROR = "meshsplit.dev/mirror"
_SERVABLE = frozenset(
    {
        "ClusterServingRuntime",
        "DestinationRule",
        "Gateway",
        "InferenceService",
        "ModelSplit",
        "Namespace",
        "ServingRuntime",
        "VirtualService",
    }
)
_WRITTEN_BY_USERS = frozenset({"DestinationRule", "Gateway", "VirtualService"})


class CannotServe(click.ClickException):
    """What stops a local mesh; the message is one a user can act on."""

    exit_code = ExitCode.UNANSWERED


@dataclass
class LocalMesh:
    """A running session, the folder it follows, and the controller once it has been started."""

    session: Session
    folder: Path
    namespace: str
    settings: Settings
    output: Output
    splits: ServedSplits
    work: Path
    manager: Manager | None = None
    said: str = ""
    refused: frozenset[str] = field(default_factory=frozenset)

    @property
    def kubeconfig(self) -> Path:
        """Where kubectl finds this mesh's cluster."""
        return self.work.resolve() / _KUBECONFIG

    def start(self) -> Translation:
        """Serve the folder as it is; CannotServe when it cannot be read or holds nothing to serve."""
        result = read_folder(self.folder, self.namespace)
        if _broken(result):
            self._say_findings(result, ())
            raise CannotServe(f"{self.folder} cannot be read; fix what is said above")
        if not any(document.ref.kind in _SERVABLE for document in result.documents):
            raise CannotServe(f"{self.folder} gives no routes; see: meshsplit lint {self.folder}")
        self.session.cluster.write_kubeconfig(self.kubeconfig, _home_of(result) or self.namespace)
        refusals = self.session.sync(result.documents)
        self.session.run()
        self._say(result, refusals)
        self.manager = _start_manager(self.kubeconfig, self.settings)
        return self._settle()

    def follow(self, stop: threading.Event) -> None:
        """Bring every edit of the folder into the cluster until `stop` is set.

        Raises what `require_running` raises.
        """
        for changed in watch_folder(self.folder, stop):
            self.require_running()
            if changed and not stop.is_set():
                self._sync_edit()

    def require_running(self) -> None:
        """Raise GatewayError, ModelServerError or CannotServe when a part has ended by itself."""
        self.session.require_running()
        if self.manager is not None and self.manager.failure is not None:
            raise CannotServe(f"the controller has ended: {self.manager.failure}")

    def stop(self) -> None:
        """Stop the controller; the session is its owner's to stop."""
        if self.manager is not None:
            self.manager.stop()
        self.kubeconfig.unlink(missing_ok=True)

    def translation(self) -> Translation:
        """What the cluster's objects ask for, given what serves now."""
        return translate(self.session.observed(), self.settings, self.splits.current)

    def _settle(self) -> Translation:
        """Wait until Envoy serves what the cluster asks for."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not self._serves(translation := self.translation()):
            self.require_running()
            if time.monotonic() > deadline:
                self.output.say("warning: not everything serves yet; see: kubectl get msplit -A")
                break
            time.sleep(_LOOK_SECONDS)
        return translation

    def _serves(self, translation: Translation) -> bool:
        made = [body for body in self.session.served if _is_generated(body)]
        served = {identity_of(body): body["spec"] for body in made}
        wanted = {identity_of(body): body["spec"] for body in translation.objects}
        kept = served.keys() & translation.untouched
        return {key: spec for key, spec in served.items() if key not in kept - wanted.keys()} == wanted

    def _sync_edit(self) -> None:
        try:
            result = read_folder(self.folder, self.namespace)
        except UnreadableInput as error:
            self.output.say(f"error: {error}; what served before keeps serving")
            return
        if _broken(result):
            self._say_findings(result, ())
            return
        self._say(result, self.session.sync(result.documents))

    def _say(self, result: ReadResult, refusals: Iterable[Refusal]) -> None:
        """Print what was found and what the cluster refused, each once."""
        located = self._say_findings(result, refusals)
        told = {each.finding.object for each in located if each.severity is Severity.ERROR}
        lines = frozenset(_to_line(refusal) for refusal in refusals if refusal.document.ref not in told)
        for line in sorted(lines - self.refused):
            self.output.say(line)
        self.refused = lines

    def _say_findings(self, result: ReadResult, refusals: Iterable[Refusal]) -> tuple[Located, ...]:
        """Print the findings, unless they are what was printed last."""
        translation = None
        if not _broken(result):
            bodies = self._bodies(result, {refusal.document.ref for refusal in refusals})
            translation = translate(bodies, self.settings, self.splits.current)
        located = _locate(result, translation)
        text = to_text(located, self.output.stderr)
        if text != self.said:
            self.output.say(text or "Nothing is wrong any more.")
        self.said = text
        return located

    def _bodies(self, result: ReadResult, refused: set[Any]) -> list[Mapping[str, Any]]:
        """The cluster's objects, less those made by the controller, as the folder says them where it counts.

        A document that was refused is judged as it is written, and so are Istio's kinds, where it matters
        whether git or the cluster holds an object.
        """
        documents = {
            document.ref: document.body
            for document in result.documents
            if document.ref in refused or document.ref.kind in _WRITTEN_BY_USERS
        }
        live = [body for body in self.session.observed() if not _is_generated(body)]
        return [*documents.values(), *(body for body in live if ref_of(body) not in documents)]


@contextmanager
def running(
    folder: Path,
    work: Path,
    gateway_port: int,
    namespace: str,
    settings: Settings,
    output: Output,
    *,
    keep: bool = True,
) -> Iterator[LocalMesh]:
    """A mesh for `folder` that has not read it yet, stopped at the end; its files are below `work`.

    With `keep` what the cluster holds stays in `work` for the next time. Every error is CannotServe.
    """
    require_packages()
    directory = work / f"local-{os.getpid()}"
    try:
        with ExitStack() as stack:
            stack.enter_context(locked(work))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            state = work / _STATE_FILE if keep else None
            splits = ServedSplits(output)
            session = _start_session(directory, state, gateway_port, settings, output, splits)
            stack.callback(session.stop)
            mesh = LocalMesh(session, folder, namespace, settings, output, splits, work)
            stack.callback(mesh.stop)
            yield mesh
    except PortInUse as error:
        raise CannotServe(f"{error}; choose another with --gateway-port, 0 takes a free one") from None
    except (UnreadableInput, GatewayError, ModelServerError) as error:
        raise CannotServe(str(error)) from None


def _start_session(
    directory: Path,
    state: Path | None,
    gateway_port: int,
    settings: Settings,
    output: Output,
    splits: ServedSplits,
) -> Session:
    from meshsplit.local.session import Session  # needs packages that other verbs do without

    try:
        return Session.start(directory, state, gateway_port, settings, output.say, splits.update)
    except ValueError as error:
        raise CannotServe(f"{error}; delete it to begin with an empty cluster") from None


def _start_manager(kubeconfig: Path, settings: Settings) -> Manager:
    from meshsplit.controller.manager import Manager, Options
    from meshsplit.kube.client import load_configuration

    manager = Manager(load_configuration(str(kubeconfig)), Options(settings=settings, leader_election=False))
    manager.start()
    return manager


def require_packages() -> None:
    """CannotServe when the extra `local` is not installed."""
    try:
        import watchfiles  # noqa: F401

        import meshsplit.controller.manager
        import meshsplit.local.session  # noqa: F401
    except ModuleNotFoundError as missing:
        raise CannotServe(f"meshsplit local {EXTRA} ({missing.name} is missing)") from None


@contextmanager
def locked(work: Path) -> Iterator[None]:
    """Keep `work` for this process; CannotServe when another one has it."""
    work.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CannotServe(
            f"another meshsplit local runs in this folder and keeps its cluster in {work}; "
            "stop it, or start this one in another folder"
        ) from None
    finally:
        os.close(descriptor)


def _home_of(result: ReadResult) -> str:
    """The namespace of all InferenceServices, "" when there are several or none."""
    homes = {d.ref.namespace for d in result.documents if d.ref.kind == "InferenceService"}
    return homes.pop() if len(homes) == 1 else ""


def _is_generated(body: Mapping[str, Any]) -> bool:
    """Whether the controller made the object and nobody wrote it."""
    labels = body["metadata"].get("labels") or {}
    return labels.get(MANAGED_BY) == MANAGER or _MIRROR in labels


def _to_line(refusal: Refusal) -> str:
    document = refusal.document
    return f"{document.file}:{document.first_line}: error: the cluster refuses it: {refusal.message}"


def _broken(result: ReadResult) -> bool:
    """Whether an object may be missing from what was read: serving that would take its traffic away."""
    return any(located.severity is Severity.ERROR for located in _locate(result, None))


def _locate(result: ReadResult, translation: Translation | None) -> tuple[Located, ...]:
    found = join_findings(result.findings, translation.findings if translation else ())
    objects, outcomes = (translation.objects, translation.outcomes) if translation else ((), ())
    places = make_places(result.documents, objects, outcomes)
    return without_silenced(locate_findings(found, places), places, result.ignores)
