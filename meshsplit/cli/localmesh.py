"""A folder of manifests in the embedded cluster, with the controller and a real Envoy."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.folderfindings import FolderFindings
from meshsplit.cli.localdisvcs import are_settled
from meshsplit.cli.localroutes import are_served
from meshsplit.cli.served import ServedSplits
from meshsplit.local.folder import read_folder, watch_folder
from meshsplit.local.gateway import GatewayError, PortInUse
from meshsplit.local.models.process import ModelServerError
from meshsplit.manifests.files import UnreadableInput
from meshsplit.manifests.reader import ReadResult
from meshsplit.translate import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsplit.cli.output import Output
    from meshsplit.controller.manager import Manager
    from meshsplit.local.session import Session
    from meshsplit.local.sync import Refusal
    from meshsplit.model import Settings, Translation

WORK = Path(".meshsplit")
"""Everything that a local mesh writes is below this folder of the working directory."""

EXTRA = "needs more packages: pip install 'meshsplit[local]'"

# The controller has answered a start in well below a second, an MLServer in 4 s; on a busy machine several of
# them may take many times that.
SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_STATE_FILE = "cluster.jsonl"
_KUBECONFIG = "kubeconfig"
_PROCESS_FOLDER = "local-"
_SERVABLE = frozenset(
    {
        "ClusterServingRuntime",
        "DestinationRule",
        "DistributedInferenceService",
        "Gateway",
        "InferenceService",
        "Ingress",
        "ModelSplit",
        "Namespace",
        "Service",
        "ServingRuntime",
        "VirtualService",
    }
)
_MODELS = frozenset({"DistributedInferenceService", "InferenceService"})


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
    findings: FolderFindings
    manager: Manager | None = None

    @property
    def kubeconfig(self) -> Path:
        """Where kubectl finds this mesh's cluster."""
        return self.work.resolve() / _KUBECONFIG

    def start(self, stop: threading.Event) -> Translation:
        """Serve the folder as it is; CannotServe when it cannot be read or holds nothing to serve.

        Returns what the cluster asks for as soon as it serves, or when `stop` is set.
        """
        result = read_folder(self.folder, self.namespace)
        if self.findings.say_fatal(result):
            raise CannotServe(f"{self.folder} cannot be read; fix what is said above")
        if not any(document.ref.kind in _SERVABLE for document in result.documents):
            raise CannotServe(f"{self.folder} gives no routes; see: meshsplit lint {self.folder}")
        self.session.cluster.write_kubeconfig(self.kubeconfig, _home_of(result) or self.namespace)
        refusals = self.session.sync(result.documents)
        self.session.run()
        self._say(result, refusals)
        self.manager = _start_manager(self.kubeconfig, self.settings, self.session)
        return self._settle(stop)

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

    def _settle(self, stop: threading.Event) -> Translation:
        """Wait until Envoy serves what the cluster asks for."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not (are_served(translation := self._wanted(), self.session.served) and self._has_loaded()):
            self.require_running()
            if time.monotonic() > deadline:
                self.output.say("warning: not everything serves yet; see: kubectl get msplit,disvc -A")
                break
            if stop.wait(_LOOK_SECONDS):
                break
        return translation

    def _has_loaded(self) -> bool:
        return not self.session.is_loading and are_settled(self.session)

    def _wanted(self) -> Translation:
        """What the cluster's objects ask for, given what serves now."""
        return translate(self.session.observed(), self.settings, self.splits.current)

    def _sync_edit(self) -> None:
        try:
            result = read_folder(self.folder, self.namespace)
        except UnreadableInput as error:
            self.output.say(f"error: {error}; what served before keeps serving")
            return
        if not self.findings.say_fatal(result):
            self._say(result, self.session.sync(result.documents))

    def _say(self, result: ReadResult, refusals: tuple[Refusal, ...]) -> None:
        self.findings.say(result, self.session.observed(), refusals, self.splits.current)


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
    mlserver: bool = False,
) -> Iterator[LocalMesh]:
    """A mesh for `folder` that has not read it yet, stopped at the end; its files are below `work`.

    With `keep` what the cluster holds stays in `work` for the next time, with `mlserver` real MLServers serve
    what is scikit-learn's. Every error is CannotServe.
    """
    require_packages()
    directory = work / f"{_PROCESS_FOLDER}{os.getpid()}"
    try:
        with ExitStack() as stack:
            stack.enter_context(locked(work))
            for left in work.glob(f"{_PROCESS_FOLDER}*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            state = work / _STATE_FILE if keep else None
            splits = ServedSplits(output)
            session = _start_session(directory, state, gateway_port, settings, output, splits, mlserver)
            stack.callback(session.stop)
            findings = FolderFindings(settings, output)
            mesh = LocalMesh(session, folder, namespace, settings, output, splits, work, findings)
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
    mlserver: bool,
) -> Session:
    # These need packages that other verbs do without.
    from meshsplit.local.cluster import UnusableStateError
    from meshsplit.local.session import Session

    try:
        return Session.start(
            directory, state, gateway_port, settings, output.say, splits.update, mlserver=mlserver
        )
    except UnusableStateError as error:
        raise CannotServe(f"{error}; delete it to begin with an empty cluster") from None


def _start_manager(kubeconfig: Path, settings: Settings, session: Session) -> Manager:
    from meshsplit.analysis.metrics import FROM_ENVOY, Backend
    from meshsplit.controller.manager import Manager, Options
    from meshsplit.kube.client import load_configuration
    from meshsplit.metrics.targets import Target

    def find_targets() -> list[Target]:
        models = sorted(session.model_counters.items())
        found = [Target(f"models-{n}", url, Backend.MODELMESH, {"namespace": n}) for n, url in models]
        return [Target("gateway", session.gateway_counters, Backend.ENVOY), *found]

    configuration = load_configuration(str(kubeconfig))
    configuration.proxy = None  # the environment's is for other machines
    options = Options(
        settings=settings, leader_election=False, find_targets=find_targets, backends=FROM_ENVOY
    )
    manager = Manager(configuration, options)
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
        _lock(descriptor, work)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, work: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotServe(
            f"another meshsplit local runs in this folder and keeps its cluster in {work}; "
            "stop it, or start this one in another folder"
        ) from None


def _home_of(result: ReadResult) -> str:
    """The namespace of everything that serves a model, "" when there are several or none."""
    homes = {d.ref.namespace for d in result.documents if d.ref.kind in _MODELS}
    return homes.pop() if len(homes) == 1 else ""
