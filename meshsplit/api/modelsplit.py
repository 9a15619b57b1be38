"""The schema of a ModelSplit, meshsplit.dev/v1alpha1."""

from typing import Annotated, Any, Literal

from pydantic import Field

from meshsplit.api.fields import (
    MAX_GATEWAYS,
    MAX_HOSTS,
    MAX_MEMBERS,
    MAX_TEXT,
    Duration,
    Gateway,
    HeaderName,
    Host,
    HostPort,
    Name,
    Percent,
    PositiveDuration,
    Tag,
    Token,
)
from meshsplit.api.strategy import Analysis, Strategy
from meshsplit.api.structural import keyed_by
from meshsplit.api.wire import Metadata, StrictWire

API_GROUP = "meshsplit.dev"
API_VERSION = "meshsplit.dev/v1alpha1"
KIND = "ModelSplit"


class MemberWeight(StrictWire):
    """One member with the share it should end with."""

    name: Name
    weight: Percent


class RetryPolicy(StrictWire):
    """Istio's HTTPRetry, passed through."""

    attempts: Annotated[int, Field(ge=0, le=100)]
    per_try_timeout: PositiveDuration | None = None
    retry_on: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)] | None = None


class RoutingSpec(StrictWire):
    """Where the group is exposed; what is left out comes from the namespace and the settings."""

    mode: Literal["Standalone", "Delegate"] = "Standalone"
    rest: Literal["SingleHop", "Loopback", "Weighted"] | None = None
    protocols: Annotated[list[Literal["grpc", "http"]], Field(min_length=1, max_length=2)] | None = None
    hosts: Annotated[list[Host], Field(min_length=1, max_length=MAX_HOSTS)] | None = None
    gateways: Annotated[list[Gateway], Field(min_length=1, max_length=MAX_GATEWAYS)] | None = None
    loop_host: HostPort | None = None
    timeout: PositiveDuration | None = None
    retries: RetryPolicy | None = None


class AffinityCookie(StrictWire):
    """The cookie that pins a client to a bucket."""

    name: (
        Annotated[Token, Field(description="The cookie's name; left out, meshsplit- and the group's name.")]
        | None
    ) = None
    max_age: Annotated[
        Duration, Field(description="How long a client keeps it; 0s until the client closes.")
    ] = "24h"


class SessionAffinity(StrictWire):
    """How one client keeps one member while no weight changes: by the header, else by the cookie."""

    cookie: AffinityCookie | None = None
    header: (
        Annotated[
            HeaderName,
            Field(
                description="A header in which each client sends its own random UUID, or other uniform hex."
            ),
        ]
        | None
    ) = None


class ModelSplitSpec(StrictWire):
    """What a user asks for one group."""

    model_tag: Tag | None = None
    weights_from: Literal["Annotations", "Spec"] = "Annotations"
    members: (
        Annotated[
            list[MemberWeight],
            Field(min_length=1, max_length=MAX_MEMBERS, json_schema_extra=keyed_by("name")),
        ]
        | None
    ) = None
    stable_member: Name | None = None
    routing: RoutingSpec = Field(default_factory=RoutingSpec)
    session_affinity: SessionAffinity | None = None
    strategy: Strategy | None = None
    analysis: Analysis | None = None
    suspend: bool = False
    report_progress: Literal["UntilPromoted"] | None = None


class ModelSplit(StrictWire):
    """One document of kind ModelSplit; `status` is the controller's and not read here."""

    api_version: Literal["meshsplit.dev/v1alpha1"]
    kind: Literal["ModelSplit"]
    metadata: Metadata
    spec: ModelSplitSpec
    status: Any = None
