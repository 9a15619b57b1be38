"""What was understood of each object, before groups are made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from meshsplit.affinity import BucketAffinity
from meshsplit.api.modelsplit import ModelSplitSpec
from meshsplit.diagnostics import FieldPath, ObjectRef
from meshsplit.model import (
    DeploymentMode,
    Endpoint,
    Owner,
    Protocol,
    RestStrategy,
    Retries,
    RoutingMode,
    Strategy,
)


class Identity(NamedTuple):
    """Who an object is and since when; `uid` is "" and `created` None for one no server has seen."""

    api_version: str
    ref: ObjectRef
    uid: str = ""
    created: datetime | None = None

    @property
    def owner(self) -> Owner | None:
        """The object as an owner of generated ones, once it has a uid."""
        if not self.uid:
            return None
        return Owner(self.api_version, self.ref.kind, self.ref.name, self.uid)


@dataclass(frozen=True, slots=True)
class NotText:
    """A percentage that was not written as a string; `text` says in a few words what it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Format:
    """A model format and where it is written below the object."""

    name: str
    version: str | None
    path: FieldPath


@dataclass(frozen=True, slots=True)
class InferenceService:
    """An InferenceService: its place in a group, and what it takes to reach it.

    `revision` changes with the spec, and with nothing else. `percent` is the raw annotation. `args` and
    `mlserver_name` are the predictor's, `transformer_args` is None without a transformer, `ready` None when
    the status says nothing.
    """

    identity: Identity
    deleting: bool
    revision: str
    tag: str | None
    tag_annotation: str | None
    percent: str | NotText | None
    mode: DeploymentMode
    runtime: str | None
    model_format: Format | None
    protocol: str | None
    args: tuple[str, ...]
    mlserver_name: str | None
    transformer_args: tuple[str, ...] | None
    has_canary: bool
    revision_percent: int | None
    address: Endpoint | None
    ready: bool | None

    @property
    def ref(self) -> ObjectRef:
        """The object itself."""
        return self.identity.ref

    @property
    def name(self) -> str:
        """The name, unique in its namespace."""
        return self.identity.ref.name

    @property
    def namespace(self) -> str:
        """The namespace."""
        return self.identity.ref.namespace


@dataclass(frozen=True, slots=True)
class SupportedFormat:
    """One format that a runtime serves; of two runtimes the one with the higher priority is chosen."""

    name: str
    version: str | None
    auto_select: bool
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class ServingRuntime:
    """A runtime of a namespace, or of the cluster (namespace "").

    `args` and `ports` (name, number) are its first container's, `protocols` is empty when it names none.
    """

    identity: Identity
    disabled: bool
    multi_model: bool
    enable_route: str | None
    formats: tuple[SupportedFormat, ...]
    args: tuple[str, ...]
    protocols: tuple[str, ...] = ()
    ports: tuple[tuple[str, int], ...] = ()
    server_type: str | None = None

    @property
    def ref(self) -> ObjectRef:
        """The object itself."""
        return self.identity.ref


@dataclass(frozen=True, slots=True)
class NamespaceObject:
    """A Namespace as it was written."""

    ref: ObjectRef
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RoutingRequest:
    """What a ModelSplit asks of its routes; None and () leave it to the namespace and the settings."""

    mode: RoutingMode = RoutingMode.STANDALONE
    rest: RestStrategy | None = None
    protocols: frozenset[Protocol] = frozenset(Protocol)
    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    loop: Endpoint | None = None
    timeout: str | None = None
    retries: Retries | None = None


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """A valid ModelSplit: the group it is about and what it asks for; weights are in order of writing.

    `spec` is the whole of it, for whoever walks the group to its target.
    """

    identity: Identity
    group: str
    model_tag: str | None
    from_spec: bool
    weights: tuple[tuple[str, int], ...]
    stable_member: str | None
    strategy: Strategy
    affinity: BucketAffinity | None
    routing: RoutingRequest
    spec: ModelSplitSpec

    @property
    def ref(self) -> ObjectRef:
        """The ModelSplit itself."""
        return self.identity.ref

    @property
    def name_path(self) -> FieldPath:
        """The field that names the group."""
        return ("spec", "modelTag") if self.model_tag else ("metadata", "name")
