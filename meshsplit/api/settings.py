"""The settings file: `kind: Settings`, cli.meshsplit.dev/v1alpha1."""

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from meshsplit.api.fields import MAX_COUNT, MAX_HOSTS, Domain, Gateway, Host, HostPort, Url
from meshsplit.api.names import split_host_port
from meshsplit.api.problems import to_problems
from meshsplit.api.wire import StrictWire
from meshsplit.diagnostics import Finding
from meshsplit.model import DeploymentMode, Endpoint, RestStrategy, Settings

LOOP_PORT = 80
"""The port of a gateway's Service when a setting names only its host."""

DEPLOYMENT_MODES = {
    "ModelMesh": DeploymentMode.MODEL_MESH,
    "Standard": DeploymentMode.STANDARD,
    "RawDeployment": DeploymentMode.STANDARD,
    "Knative": DeploymentMode.KNATIVE,
    "Serverless": DeploymentMode.KNATIVE,
}
"""KServe's words for its deployment modes, older ones included."""


class RoutingSettings(StrictWire):
    """How groups and models are exposed when nothing nearer says so."""

    rest: Literal["SingleHop", "Loopback", "Weighted"] | None = None
    hosts: Annotated[list[Host], Field(min_length=1, max_length=MAX_HOSTS)] | None = None
    loop_host: HostPort | None = None


class RolloutSettings(StrictWire):
    """What holds for all rollouts together, and where metrics come from when a ModelSplit says nothing."""

    max_concurrent: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = None
    stop: bool = False
    prometheus: Url | None = None


class SettingsFile(StrictWire):
    """One settings document; every field may be left out."""

    api_version: Literal["cli.meshsplit.dev/v1alpha1"]
    kind: Literal["Settings"]
    domain: Domain | None = None
    gateway: Gateway | None = None
    routing: RoutingSettings = Field(default_factory=RoutingSettings)
    deployment_mode: Literal["ModelMesh", "Standard", "RawDeployment", "Knative", "Serverless"] | None = None
    require_enable_route: bool = True
    rollouts: RolloutSettings = Field(default_factory=RolloutSettings)
    istio_api_version: Literal["networking.istio.io/v1", "networking.istio.io/v1beta1"] | None = None


def to_settings(body: object) -> Settings | tuple[Finding, ...]:
    """Read a settings document, or say with MSP007 what is wrong with it (paths, but no object)."""
    try:
        document = SettingsFile.model_validate(body)
    except ValidationError as error:
        problems = to_problems(error, SettingsFile)
        return tuple(Finding("MSP007", p.message, None, p.path, fix=p.fix) for p in problems)
    routing, defaults = document.routing, Settings()
    return Settings(
        domain=document.domain or defaults.domain,
        hosts=tuple(sorted(set(routing.hosts))) if routing.hosts else defaults.hosts,
        rest=RestStrategy(routing.rest) if routing.rest else defaults.rest,
        loop=to_loop(routing.loop_host) or defaults.loop,
        default_mode=DEPLOYMENT_MODES.get(document.deployment_mode or "", defaults.default_mode),
        require_enable_route=document.require_enable_route,
        max_concurrent_rollouts=document.rollouts.max_concurrent,
        stop_rollouts=document.rollouts.stop,
        gateway=document.gateway or defaults.gateway,
        prometheus=document.rollouts.prometheus or defaults.prometheus,
        istio_api_version=document.istio_api_version or defaults.istio_api_version,
    )


def to_loop(host_port: str | None) -> Endpoint | None:
    """The gateway's Service behind `host` or `host:port`; None when it is neither."""
    parts = split_host_port(host_port or "", LOOP_PORT)
    return Endpoint(*parts) if parts else None
