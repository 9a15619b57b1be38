"""A folder's documents as objects of the embedded cluster, as a GitOps tool would keep them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshsplit.local.apiserver.objects import SYSTEM_METADATA
from meshsplit.local.apiserver.status import Refused
from meshsplit.local.cluster import MANAGER, NAMESPACES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsplit.local.apiserver.inside import Kind
    from meshsplit.local.apiserver.resources import Resource
    from meshsplit.local.cluster import Body, Cluster
    from meshsplit.manifests.document import Document

APPLIED = "local.meshsplit.dev/applied"
"""Annotation with the digest of the document that was applied last."""

_DIGEST_CHARACTERS = 16
_CRD_GROUP = "apiextensions.k8s.io"  # kinds come with the cluster; a folder cannot take them away

_Key = tuple["Kind", str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document that the cluster does not take, in the words of an API server."""

    document: Document
    message: str


@dataclass(frozen=True, slots=True)
class _Entry:
    resource: Resource
    document: Document
    digest: str


class FolderSync:
    """Applies what changed in a folder since it was applied last, here or by an earlier process.

    A document that did not change is left alone, and so is whatever somebody else has made of its object. An
    object whose document is gone goes, too; a Namespace only loses what the document set, because others may
    have put objects into it.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._applied: dict[_Key, str] | None = None

    def apply(self, documents: Iterable[Document]) -> tuple[Refusal, ...]:
        """Make the cluster have what the documents say; of two about one object the first counts."""
        entries = self._to_entries(documents)
        applied = self._read_applied() if self._applied is None else self._applied
        self._make_namespaces(entries)
        refusals = []
        for key, entry in sorted(entries.items(), key=lambda item: (item[0][0] != NAMESPACES, item[0])):
            if applied.get(key) == entry.digest:
                continue
            try:
                self._cluster.apply(_to_body(entry), MANAGER)
            except Refused as refused:
                refusals.append(Refusal(entry.document, str(refused)))
            else:
                applied[key] = entry.digest
        for key in sorted(applied.keys() - entries.keys()):
            self._remove(key)
            del applied[key]
        self._applied = applied
        return tuple(refusals)

    def _to_entries(self, documents: Iterable[Document]) -> dict[_Key, _Entry]:
        entries: dict[_Key, _Entry] = {}
        for document in documents:
            body = document.body
            resource = self._cluster.find(body["apiVersion"], body["kind"])
            if resource is None or resource.group == _CRD_GROUP:
                continue
            namespace = document.ref.namespace if resource.namespaced else ""
            entries.setdefault(
                (resource.key, namespace, document.ref.name), _Entry(resource, document, _digest(body))
            )
        return entries

    def _read_applied(self) -> dict[_Key, str]:
        """What an earlier process applied, by the marks it left on the objects that it manages."""
        found = self._cluster.snapshot(resource.key for resource in self._cluster.resources())
        return {
            (kind, body["metadata"].get("namespace", ""), body["metadata"]["name"]): digest
            for kind, bodies in found.items()
            for body in bodies
            if (digest := _mark_of(body)) and _is_managed(body)
        }

    def _make_namespaces(self, entries: Iterable[_Key]) -> None:
        needed = {namespace for _, namespace, _ in entries if namespace}
        for namespace in sorted(needed - self._namespaces()):
            # One that cannot be is told by the refusal of what should be in it.
            with suppress(Refused):
                self._cluster.ensure_namespace(namespace)

    def _remove(self, key: _Key) -> None:
        kind, namespace, name = key
        if kind != NAMESPACES:
            resources = {resource.key: resource for resource in self._cluster.resources()}
            if kind in resources:
                self._cluster.delete(resources[kind], namespace, name)
        elif name in self._namespaces():
            bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self._cluster.apply(bare, MANAGER)

    def _namespaces(self) -> set[str]:
        return {body["metadata"]["name"] for body in self._cluster.list([NAMESPACES])}


def _to_body(entry: _Entry) -> Body:
    """The document as a client may send it: without what only a server sets, and with our mark."""
    body = dict(entry.document.body)
    metadata = {key: value for key, value in body["metadata"].items() if key not in SYSTEM_METADATA}
    if entry.resource.namespaced:
        metadata["namespace"] = entry.document.ref.namespace
    annotations = metadata.get("annotations") or {}
    if isinstance(annotations, Mapping):  # else the cluster says what is wrong with them
        metadata["annotations"] = {**annotations, APPLIED: entry.digest}
    return {**body, "metadata": metadata}


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]


def _mark_of(body: Mapping[str, Any]) -> str:
    mark: str = (body["metadata"].get("annotations") or {}).get(APPLIED, "")
    return mark


def _is_managed(body: Mapping[str, Any]) -> bool:
    """Whether this program applied the object: a mark alone may have been copied."""
    return any(
        entry.get("manager") == MANAGER and entry.get("operation") == "Apply"
        for entry in body["metadata"].get("managedFields", ())
    )
