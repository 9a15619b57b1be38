"""A cluster at the edge of the command line: read as dicts, with errors that a user understands."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple, Protocol

from meshsplit.cli.kinds import ISTIO_VERSIONS
from meshsplit.cli.unreachable import CannotAnswer, to_refusal
from meshsplit.kube.port import ApiError, Discovery, EventType, NotFound, Reader, Resource, Writer

Object = dict[str, Any]
Objects = list[Object]


class Change(NamedTuple):
    """One event of a watch; of a bookmark only the version counts, of a deletion the last state is here."""

    type: EventType
    version: str
    body: Object


class Api(Reader, Writer, Discovery, Protocol):
    """What the verbs need of the API."""


class Cluster:
    """Objects as the API writes them, sorted by namespace and name; CannotAnswer when it cannot.

    `namespace` is what a command is about when it names none, `flags` are the options of the next command
    that lead to the same cluster (" --context prod", or "").
    """

    def __init__(self, api: Api, host: str, namespace: str, flags: str = "") -> None:
        self.host = host
        self.namespace = namespace
        self.flags = flags
        self._api = api

    def list(self, resource: Resource, namespace: str = "", labels: str = "") -> Objects:
        """All objects of a namespace, "" being all of them, that a label selector picks."""
        return self.list_at(resource, namespace, labels)[0]

    def list_at(self, resource: Resource, namespace: str = "", labels: str = "") -> tuple[Objects, str]:
        """The same, and the resourceVersion that a watch goes on from."""
        items: Objects = []
        token = ""
        with self._explaining("list", resource, namespace):
            while True:
                page = self._api.list_page(resource, namespace=namespace, labels=labels, continue_token=token)
                items += [_complete(item.body, resource) for item in page.items]
                token = page.continue_token
                if not token:
                    return sorted(items, key=_order), page.resource_version

    def watch(
        self, resource: Resource, namespace: str, labels: str, version: str, seconds: int
    ) -> Iterator[Change]:
        """What happens after `version`, until the server ends it after `seconds`."""
        with (
            self._explaining("watch", resource, namespace),
            closing(
                self._api.watch(
                    resource,
                    namespace=namespace,
                    labels=labels,
                    resource_version=version,
                    timeout_seconds=seconds,
                )
            ) as stream,
        ):
            for event in stream:
                body = _complete(event.item.body, resource)
                yield Change(event.type, event.item.resource_version, body)

    def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """One object; None when there is none, or no such resource."""
        with self._explaining("get", resource, namespace):
            try:
                return _complete(json.loads(self._api.get(resource, namespace, name)), resource)
            except NotFound:
                return None

    def merge(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> Object:
        """Merge into one object; the error of CannotAnswer is a Conflict when it has changed since."""
        with self._explaining("patch", resource, namespace):
            return _complete(json.loads(self._api.patch(resource, namespace, name, body)), resource)

    def create(self, resource: Resource, body: Mapping[str, Any]) -> Object:
        """A new object, as it then is."""
        head = {"apiVersion": resource.api_version, "kind": resource.kind}
        with self._explaining("create", resource, ""):
            return _complete(json.loads(self._api.create(resource, {**head, **body})), resource)

    def read(self, path: str) -> Any:
        """What the server says of itself at a path such as /version."""
        with self._explaining("get", None, ""):
            return json.loads(self._api.get_path(path))

    def served_versions(self, group: str) -> tuple[str, ...]:
        """The versions of an API group, in the server's order; () when it is not served."""
        try:
            versions = self.read(f"/apis/{group}").get("versions") or []
        except CannotAnswer as error:
            if error.is_missing:
                return ()
            raise
        return tuple(version["version"] for version in versions)

    def istio_version(self) -> str:
        """The version of Istio's API to read with: the preferred one of those that the server has."""
        served = self.served_versions("networking.istio.io")
        return next((version for version in ISTIO_VERSIONS if version in served), ISTIO_VERSIONS[0])

    @contextmanager
    def _explaining(self, verb: str, resource: Resource | None, namespace: str) -> Iterator[None]:
        try:
            yield
        except ApiError as error:
            raise to_refusal(error, self.host, verb, resource, namespace) from None
        except ValueError:
            raise CannotAnswer(
                f"what answers at {self.host} is no Kubernetes API",
                fix="check the server in the kubeconfig",
                following="kubectl config view --minify",
            ) from None


def _complete(body: Object, resource: Resource) -> Object:
    """With the apiVersion and kind that a list of a built-in kind leaves out of its items."""
    return {**body, "apiVersion": resource.api_version, "kind": resource.kind}


def _order(body: Mapping[str, Any]) -> tuple[str, str]:
    metadata = body["metadata"]
    return metadata.get("namespace") or "", metadata["name"]
