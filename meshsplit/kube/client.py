"""The port over HTTP: the package `kubernetes` brings credentials, TLS and proxies, the requests are ours.

Its generated methods differ between releases, build objects that nobody reads, and lose the body of an apply
that creates; what is used here is the same in all releases since 36.0.2.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import (
    ConfigException,
    list_kube_config_contexts,
    load_incluster_config,
    load_kube_config,
)
from urllib3.exceptions import HTTPError
from yaml import YAMLError

from meshsplit.kube.answers import WatchAnswer, read_answer, to_unavailable
from meshsplit.kube.impersonation import ONESELF, Impersonation
from meshsplit.kube.port import FIELD_MANAGER, PAGE_LIMIT, Unavailable
from meshsplit.kube.sockets import Sockets
from meshsplit.kube.wire import to_error, to_json, to_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from urllib3.response import BaseHTTPResponse

    from meshsplit.kube.port import Page, Resource

__all__ = [
    "Client",
    "Configuration",
    "ConfigurationError",
    "find_context",
    "find_namespace",
    "load_configuration",
]

CALL_SECONDS = 30.0
"""For an answer to begin, and as long for it to end; a page of 500 objects takes well below a second."""
CONNECT_SECONDS = 5.0
WATCH_SILENCE_SECONDS = 75.0
"""A server sends a bookmark a minute (bookmarkFrequency), so a longer silence is a dead connection."""

DEFAULT_NAMESPACE = "default"
"""Of a context that names none, as for kubectl."""
POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_OK = range(200, 300)

# What a file that is no kubeconfig raises in the package; of no help to anybody.
_SHAPELESS = (TypeError, AttributeError, KeyError)
_UNUSABLE = (ConfigException, YAMLError, OSError, ValueError, *_SHAPELESS)


class ConfigurationError(Exception):
    """There is no usable way to a cluster; the message is for the user."""


def load_configuration(kubeconfig: str | None = None, context: str | None = None) -> Configuration:
    """What is named, else KUBECONFIG, else the pod's own account, else ~/.kube/config.

    Raises ConfigurationError.
    """
    configuration = Configuration()
    # The package's functions carry no types.
    in_cluster: Callable[..., object] = load_incluster_config
    from_file: Callable[..., object] = load_kube_config
    try:
        if not _is_file_meant(kubeconfig, context):
            in_cluster(client_configuration=configuration)
        else:
            from_file(
                config_file=kubeconfig or os.environ.get("KUBECONFIG"),
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
    except _UNUSABLE as error:
        where = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        said = "it is no kubeconfig" if isinstance(error, _SHAPELESS) else str(error)
        # A parser draws its errors over several lines.
        raise ConfigurationError(f"cannot use {where}: {' '.join(said.split())}") from None
    return configuration


def find_namespace(kubeconfig: str | None = None, context: str | None = None) -> str:
    """The namespace of the same context, or of the pod's own account; DEFAULT_NAMESPACE when it names none.

    Only for what `load_configuration` could load.
    """
    if not _is_file_meant(kubeconfig, context) and POD_NAMESPACE.is_file():
        return POD_NAMESPACE.read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    chosen = _read_context(kubeconfig, context).get("context") or {}
    return str(chosen.get("namespace") or DEFAULT_NAMESPACE)


def find_context(kubeconfig: str | None = None, context: str | None = None) -> str:
    """The name of the same context; "" for the pod's own account."""
    meant = _is_file_meant(kubeconfig, context)
    return str(_read_context(kubeconfig, context).get("name") or "") if meant else ""


def _read_context(kubeconfig: str | None, context: str | None) -> dict[str, Any]:
    listed: Callable[..., tuple[list[dict[str, Any]], dict[str, Any]]] = list_kube_config_contexts
    try:
        contexts, active = listed(config_file=kubeconfig or os.environ.get("KUBECONFIG"))
        return next((each for each in contexts if each["name"] == context), active)
    except _UNUSABLE:
        return {}


def _is_file_meant(kubeconfig: str | None, context: str | None) -> bool:
    """Whether a kubeconfig comes before the pod's own account."""
    named = kubeconfig or context or os.environ.get("KUBECONFIG")
    return bool(named) or not os.environ.get("KUBERNETES_SERVICE_HOST")


def _ignore(_method: str, _code: int) -> None:
    """Count nothing."""


class Client:
    """The API's port for one cluster; every thread that uses it gets a connection pool of its own.

    With `dry_run` the API checks what is written and keeps none of it.
    `timeout` is for each request (see CALL_SECONDS), `silence` for a watch, both in seconds. `impersonate` is
    whom to act as. `on_answered` is called with the method and the code of every answer, 0
    when there was none, in the thread that asked. Nothing is retried here: who asks knows what a second try
    means.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        field_manager: str = FIELD_MANAGER,
        dry_run: bool = False,
        timeout: float = CALL_SECONDS,
        silence: float = WATCH_SILENCE_SECONDS,
        impersonate: Impersonation = ONESELF,
        on_answered: Callable[[str, int], object] = _ignore,
    ) -> None:
        self._configuration = configuration
        self._field_manager = field_manager
        self._writing = {"fieldManager": field_manager, "dryRun": "All" if dry_run else ""}
        self._timeout = timeout
        self._silence = silence
        self._impersonate = impersonate
        self._on_answered = on_answered
        self._local = threading.local()
        self._sockets = Sockets()
        self._credentials = threading.Lock()

    def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        limit: int = PAGE_LIMIT,
        continue_token: str = "",
    ) -> Page:
        """As Reader.list_page."""
        query = {"labelSelector": labels, "limit": str(limit or ""), "continue": continue_token}
        return to_page(self._call("GET", resource.path(namespace), query))

    def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        timeout_seconds: int,
        namespace: str = "",
        labels: str = "",
    ) -> WatchAnswer:
        """As Reader.watch."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
            "labelSelector": labels,
        }
        return WatchAnswer(self._send("GET", resource.path(namespace), query, timeout=self._silence))

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        """As Reader.get."""
        return self._call("GET", resource.path(namespace, name))

    def get_path(self, path: str) -> bytes:
        """As Discovery.get_path."""
        return self._call("GET", path)

    def apply(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        """As Writer.apply."""
        return self._apply(resource, body, force, "")

    def apply_status(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        """As Writer.apply_status."""
        return self._apply(resource, body, force, "status")

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        """As Writer.create."""
        return self._call("POST", resource.path(body["metadata"].get("namespace", "")), self._writing, body)

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> bytes:
        """As Writer.patch."""
        return self._call("PATCH", resource.path(namespace, name), self._writing, body, _MERGE)

    def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str = "", version: int = 0
    ) -> None:
        """As Writer.delete."""
        wanted = {"uid": uid, "resourceVersion": str(version) if version else ""}
        conditions = {field: value for field, value in wanted.items() if value}
        body = {"preconditions": conditions} if conditions else {}
        self._call("DELETE", resource.path(namespace, name), {"dryRun": self._writing["dryRun"]}, body)

    def close(self) -> None:
        """As Reader.close."""
        self._sockets.close()

    def _apply(self, resource: Resource, body: Mapping[str, Any], force: bool, subresource: str) -> bytes:
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"], subresource)
        query = {**self._writing, "force": "true" if force else "false"}
        return self._call("PATCH", path, query, body, _APPLY)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
    ) -> bytes:
        response = self._send(method, path, query or {}, body, content_type, self._timeout)
        return read_answer(response, time.monotonic() + self._timeout)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
        timeout: float = CALL_SECONDS,
    ) -> BaseHTTPResponse:
        """The 2xx answer, of which the headers have come; ApiError for any other."""
        content = None if body is None else to_json(body)
        headers = urllib3.HTTPHeaderDict(self._authorization(), Accept=_JSON)
        headers["User-Agent"] = self._field_manager
        headers.extend(self._impersonate.headers)
        if content is not None:
            headers["Content-Type"] = content_type
        text = urlencode({name: value for name, value in query.items() if value})
        url = f"{self._configuration.host}{path}" + (f"?{text}" if text else "")
        try:
            response = self._pools().request(
                method,
                url,
                body=content,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout), read=timeout),
                retries=False,
                preload_content=False,
            )
        except HTTPError as error:
            self._on_answered(method, 0)
            raise to_unavailable(error) from None
        self._on_answered(method, response.status)
        if response.status not in _OK:
            content = read_answer(response, time.monotonic() + self._timeout)
            raise to_error(response.status, content, response.headers.get("Retry-After"))
        return response

    def _authorization(self) -> dict[str, str]:
        """The header of the token, which the package renews when its time is up."""
        try:
            with self._credentials:
                token = self._configuration.auth_settings().get("BearerToken")
        except (ConfigException, OSError) as error:
            raise Unavailable(0, "Credentials", str(error)) from None
        return {"Authorization": str(token["value"])} if token and token["value"] else {}

    def _pools(self) -> urllib3.PoolManager:
        self._sockets.check()
        pools: urllib3.PoolManager | None = getattr(self._local, "pools", None)
        if pools is None:
            pools = ApiClient(self._configuration).rest_client.pool_manager
            self._sockets.register(pools.connection_from_url(self._configuration.host))
            self._local.pools = pools
        return pools
