"""The demo of a DistributedInferenceService: one version takes over from another, and no request fails."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from meshsplit.cli.demosplit import BODY, CHANGE_SECONDS
from meshsplit.cli.kubectl import has_kubectl, run_kubectl, say_without_kubectl
from meshsplit.cli.localdisvcs import are_settled, find_calls, find_disvcs
from meshsplit.cli.localmesh import CannotServe
from meshsplit.cli.tables import to_table
from meshsplit.disvc.names import version_name
from meshsplit.disvc.versions import Phase
from meshsplit.local.clients import Clients, ask
from meshsplit.manifests.reader import read_text

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from meshsplit.cli.localdisvcs import Call
    from meshsplit.cli.localmesh import LocalMesh
    from meshsplit.cli.output import Output
    from meshsplit.disvc.objects import Disvc
    from meshsplit.local.clients import Seen

NAME, NAMESPACE = "iris", "kserve-demo"
FILE = "iris.yaml"
"""Of the example: the DistributedInferenceService, which the demo creates with kubectl."""
PATCH = {"spec": {"annotations": {"version": "v2"}}}
LEAST_ANSWERS = 20
"""Of every client, before it is said which replicas it has met."""
LOOK_SECONDS = 0.05
_PHASES = {
    Phase.BUILDING: "is being built",
    Phase.SERVING: "serves",
    Phase.DRAINING: "gets no more requests",
    Phase.REMOVING: "is removed",
}


def take_out(folder: Path) -> Path:
    """Move the DistributedInferenceService out of the folder that is served; where it is now."""
    return (folder / FILE).rename(folder.parent / FILE)


def show_disvc(mesh: LocalMesh, file: Path, stop: threading.Event, output: Output) -> bool:
    """Walk through it; whether nothing failed and every client kept its replica, False when `stop` is set.

    CannotServe when a version does not serve in time.
    """
    say_without_kubectl(output)
    _create(mesh, file, output)
    seen = _Sights(mesh, output)
    if not seen.wait_for(1, stop):
        return False
    outside, inside = find_calls(_find(mesh), mesh.session, mesh.settings.domain)
    for call in (outside, inside):
        output.answer(f"$ {call.to_curl(BODY.decode())}")
        output.answer(ask(call.url, {"Host": call.host}, BODY) + "\n")
    with _calling(outside) as clients:
        first = _measure(clients, 1, stop, output)
        _update(mesh, output)
        if not seen.wait_for(2, stop):
            return False
        meanwhile = clients.take()
        output.answer(f"meanwhile   {meanwhile.total:,} requests, {meanwhile.failed} failed\n")
        last = _measure(clients, 2, stop, output)
    _get(mesh, output)
    failed = first.failed + meanwhile.failed + last.failed
    return not failed and is_sticky(first, 1) and is_sticky(last, 2) and not stop.is_set()


def say_what_to_try(mesh: LocalMesh) -> list[str]:
    """Lines for a reader who goes on."""
    outside = next(find_calls(_find(mesh), mesh.session, mesh.settings.domain))
    return [
        f"kubectl get disvc,isvc,svc,vs,dr,events -n {NAMESPACE}",
        outside.to_curl(BODY.decode()),
        f"kubectl scale disvc {NAME} -n {NAMESPACE} --replicas 3",
        f"kubectl edit disvc {NAME} -n {NAMESPACE}    (a change of the template is version 3)",
    ]


class _Sights:
    """Prints what becomes of the versions, as the status says it."""

    def __init__(self, mesh: LocalMesh, output: Output) -> None:
        self._mesh, self._output = mesh, output
        self._phases: dict[int, str] = {}

    def wait_for(self, number: int, stop: threading.Event) -> bool:
        """Wait until that version is the only one and serves; False when `stop` is set before."""
        deadline = time.monotonic() + CHANGE_SECONDS + _find(self._mesh).spec.drain_seconds
        while not stop.wait(LOOK_SECONDS):
            self._mesh.require_running()
            self._say_changes()
            if self._phases == {number: Phase.SERVING} and are_settled(self._mesh.session):
                return True
            if time.monotonic() > deadline:
                raise CannotServe(f"version {number} does not serve; see: kubectl describe disvc {NAME}")
        return False

    def _say_changes(self) -> None:
        now = {each.version: each.phase for each in _find(self._mesh).status.versions}
        lines = [f"version {n} {_PHASES[Phase(p)]}" for n, p in now.items() if self._phases.get(n) != p]
        lines += [f"version {n} is gone" for n in sorted(self._phases.keys() - now.keys())]
        for line in lines:
            self._output.answer(self._output.stdout.faint(f"{datetime.now(UTC):%H:%M:%S}    {line}"))
        self._phases = dict(now)


def _find(mesh: LocalMesh) -> Disvc:
    return next(each for each in find_disvcs(mesh.session) if each.name == NAME)


def _create(mesh: LocalMesh, file: Path, output: Output) -> None:
    words = ["apply", "-f", str(file)]
    output.answer(f"$ kubectl {' '.join(words)}")
    if has_kubectl():
        run_kubectl(mesh, words)
        return
    for document in read_text(file.read_text(encoding="utf-8"), FILE).documents:
        mesh.session.cluster.apply(document.body, "kubectl")


def _update(mesh: LocalMesh, output: Output) -> None:
    patch = '{"spec": {"annotations": {"version": "v2"}}}'
    words = ["patch", "disvc", NAME, "-n", NAMESPACE, "--type", "merge", "-p"]
    output.answer(f"$ kubectl {' '.join(words)} '{patch}'")
    if has_kubectl():
        run_kubectl(mesh, [*words, patch])
        return
    cluster = mesh.session.cluster
    resource = cluster.resource("serving.kserve.io/v1alpha1", "DistributedInferenceService")
    cluster.merge(resource, NAMESPACE, NAME, PATCH, "kubectl-patch")


def _get(mesh: LocalMesh, output: Output) -> None:
    words = ["get", "disvc", NAME, "-n", NAMESPACE]
    output.answer(f"$ kubectl {' '.join(words)}")
    if has_kubectl():
        output.answer(run_kubectl(mesh, words).rstrip("\n"))


@contextmanager
def _calling(call: Call) -> Iterator[Clients]:
    clients = Clients(call.url, {"Host": call.host}, BODY)
    clients.start()
    try:
        yield clients
    finally:
        clients.stop()


def _measure(clients: Clients, version: int, stop: threading.Event, output: Output) -> Seen:
    """Wait until every client has been answered often enough, and print by whom."""
    while clients.seen().least < LEAST_ANSWERS and not stop.wait(LOOK_SECONDS):
        pass
    seen = clients.take()
    rows = [
        (server, str(seen.clients_of(server)), str(sum(each.get(server, 0) for each in seen.by_client)))
        for server in seen.servers
    ]
    output.answer("\n".join(to_table(("REPLICA", "CLIENTS", "REQUESTS"), rows)))
    moved = sum(len(served) > 1 for served in seen.by_client)
    told = f"{moved} of them met a second replica" if moved else "each kept its replica by its cookie"
    output.answer(
        f"{len(seen.by_client)} clients of version {version}: {told}; {seen.failed} requests failed\n"
    )
    return seen


def is_sticky(seen: Seen, version: int) -> bool:
    """Whether every client kept to one replica of that version, and there was more than one."""
    ours = f"{version_name(NAME, version)}-"
    kept = all(len(served) == 1 for served in seen.by_client)
    return kept and len(seen.servers) > 1 and all(server.startswith(ours) for server in seen.servers)
