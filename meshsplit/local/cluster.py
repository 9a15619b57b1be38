"""The embedded cluster as `local` uses it: its kinds are defined, and objects are written by their bodies."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from meshsplit.api.modelsplit import API_GROUP
from meshsplit.local.apiserver.objects import copy_of
from meshsplit.local.apiserver.operation import APPLY, MERGE, Operation, Options
from meshsplit.local.apiserver.server import ApiServer
from meshsplit.local.apiserver.status import Refused
from meshsplit.local.crds import ISTIO_GROUP, KSERVE_GROUP, make_crds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from meshsplit.local.apiserver.inside import Changes, Kind
    from meshsplit.local.apiserver.resources import Resource

NAMESPACES: Kind = ("", "namespaces")
SERVICES: Kind = ("", "services")
PODS: Kind = ("", "pods")
ENDPOINT_SLICES: Kind = ("discovery.k8s.io", "endpointslices")
INGRESSES: Kind = ("networking.k8s.io", "ingresses")
INFERENCE_SERVICES: Kind = (KSERVE_GROUP, "inferenceservices")
RUNTIMES: Kind = (KSERVE_GROUP, "servingruntimes")
CLUSTER_RUNTIMES: Kind = (KSERVE_GROUP, "clusterservingruntimes")
VIRTUAL_SERVICES: Kind = (ISTIO_GROUP, "virtualservices")
DESTINATION_RULES: Kind = (ISTIO_GROUP, "destinationrules")
GATEWAYS: Kind = (ISTIO_GROUP, "gateways")
MODEL_SPLITS: Kind = (API_GROUP, "modelsplits")
DISVCS: Kind = (KSERVE_GROUP, "distributedinferenceservices")

MODELS = (INFERENCE_SERVICES, RUNTIMES, CLUSTER_RUNTIMES)
ROUTES = (VIRTUAL_SERVICES, DESTINATION_RULES, GATEWAYS)
BACKING = (SERVICES, ENDPOINT_SLICES, PODS)
"""What stands behind a host."""
OBSERVED = (NAMESPACES, *MODELS, MODEL_SPLITS, *ROUTES)
"""Every kind that decides about routes."""

MANAGER = "meshsplit-local"
"""The field manager of everything that `local` writes on its user's behalf."""

_NOT_FOUND = 404
_EXISTS = 409

Body = dict[str, Any]


class UnusableStateError(Exception):
    """The state file is none, or of another version; the message names it."""


class Cluster:
    """An ApiServer that knows the kinds of KServe, Istio and meshsplit; every method is for any thread.

    Writing raises Refused, with the words of an API server.
    """

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    @classmethod
    def start(cls, state_file: Path | None = None) -> Self:
        """A cluster that answers; with a state file it has everything that it had when it last ran.

        UnusableStateError when the file is no state file.
        """
        try:
            server = ApiServer.start(state_file=state_file)
        except ValueError as error:
            raise UnusableStateError(str(error)) from None
        cluster = cls(server)
        try:
            for crd in make_crds():
                cluster.apply(crd, MANAGER)
        except BaseException:
            server.stop()
            raise
        return cluster

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return self._server.url

    def write_kubeconfig(self, path: Path, namespace: str) -> None:
        """Write a kubeconfig whose context is in `namespace`."""
        self._server.kubeconfig(path, namespace)

    def stop(self) -> None:
        """Stop answering; its state is in its file."""
        self._server.stop()

    def subscribe(self, kinds: Iterable[Kind]) -> Changes:
        """As ApiServer.subscribe."""
        return self._server.subscribe(kinds)

    def snapshot(self, kinds: Iterable[Kind]) -> Mapping[Kind, Sequence[Body]]:
        """As ApiServer.snapshot."""
        return self._server.snapshot(kinds)

    def list(self, kinds: Iterable[Kind]) -> list[Body]:
        """The objects of these kinds at one moment, in the kinds' order; not to be changed."""
        return [body for bodies in self.snapshot(kinds).values() for body in bodies]

    def find(self, api_version: str, kind: str) -> Resource | None:
        """As ApiServer.find."""
        return self._server.find(api_version, kind)

    def resources(self) -> tuple[Resource, ...]:
        """As ApiServer.resources."""
        return self._server.resources()

    def apply(self, body: Mapping[str, Any], manager: str) -> Body:
        """Server-side apply with force; the object as it now is."""
        return self._apply(body, manager, "")

    def apply_status(self, body: Mapping[str, Any], manager: str) -> Body:
        """Server-side apply of the status with force."""
        return self._apply(body, manager, "status")

    def merge(self, resource: Resource, namespace: str, name: str, patch: Body, manager: str) -> Body:
        """Merge patch, as `kubectl label` and `kubectl annotate` send one."""
        options = Options(field_manager=manager)
        sent = self._server.send(
            Operation("patch", resource, namespace, name, body=patch, patch=MERGE, options=options)
        )
        return sent.body

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete; nothing happens when it is gone already."""
        with _passing(_NOT_FOUND):
            self._server.send(Operation("delete", resource, namespace, name))

    def ensure_namespace(self, name: str) -> None:
        """Create a namespace, without a label, where there is none."""
        self.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, MANAGER)

    def ensure(self, body: Mapping[str, Any], manager: str) -> None:
        """Create the object where there is none of its name; what is there stays as it is."""
        resource, metadata = self.resource(body["apiVersion"], body["kind"]), body["metadata"]
        namespace = metadata.get("namespace", "") if resource.namespaced else ""
        options = Options(field_manager=manager)
        with _passing(_EXISTS):
            self._server.send(Operation("create", resource, namespace, body=copy_of(body), options=options))

    def _apply(self, body: Mapping[str, Any], manager: str, subresource: str) -> Body:
        resource, metadata = self.resource(body["apiVersion"], body["kind"]), body["metadata"]
        namespace = metadata.get("namespace", "") if resource.namespaced else ""
        options = Options(field_manager=manager, force=True)
        operation = Operation(
            "patch", resource, namespace, metadata["name"], subresource, copy_of(body), APPLY, options
        )
        return self._server.send(operation).body

    def resource(self, api_version: str, kind: str) -> Resource:
        """The served resource; LookupError when nothing defines it."""
        found = self._server.find(api_version, kind)
        if found is None:
            raise LookupError(f"the cluster serves no {kind} in {api_version}")
        return found


@contextmanager
def _passing(code: int) -> Iterator[None]:
    """Let a refusal with this code pass."""
    try:
        yield
    except Refused as refused:
        if refused.code != code:
            raise
