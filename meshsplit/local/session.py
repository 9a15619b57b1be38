"""A folder of manifests, served: model servers behind a real Envoy that follows the pure translation."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from meshsplit.local.backends import to_services, to_servings, union
from meshsplit.local.gateway import Gateway, GatewayError
from meshsplit.local.mesh import to_mesh
from meshsplit.local.models.process import ModelServer, ModelServerError
from meshsplit.local.models.spec import Serving
from meshsplit.model import GroupKey, Settings, Split, Translation
from meshsplit.translate import translate

# A request that Envoy routed just before a change has long arrived at its model server by then.
DRAIN_SECONDS = 2.0

# What a user may bring beside the generated objects; the mesh reads nothing else.
_ISTIO_KINDS = frozenset({"VirtualService", "DestinationRule", "Gateway"})


class Session:
    """One running gateway and model server. `apply` makes a new world serve without failing a request."""

    def __init__(self, gateway: Gateway, server: ModelServer, settings: Settings) -> None:
        self._gateway = gateway
        self._server = server
        self._settings = settings
        self._serving: tuple[Serving, ...] = ()
        self._wanted: tuple[Serving, ...] = ()
        self._drained_at = 0.0
        self._splits: Mapping[GroupKey, Split] = {}

    @classmethod
    def start(cls, directory: Path, gateway_port: int, settings: Settings) -> Self:
        """Start both processes with their files and logs in `directory`; port 0 takes a free one.

        Raises what `Gateway.start` and `ModelServer.start` raise, with nothing left running.
        """
        directory.mkdir(parents=True, exist_ok=True)
        gateway = Gateway.start(directory / "gateway", gateway_port)
        try:
            server = ModelServer.start(directory / "models.log")
        except BaseException:
            gateway.stop()
            raise
        return cls(gateway, server, settings)

    @property
    def url(self) -> str:
        """Base URL of the gateway."""
        return self._gateway.url

    def apply(self, bodies: Iterable[Mapping[str, Any]]) -> Translation:
        """Translate `bodies` against the splits that serve now, and make Envoy serve the result.

        Models that are no longer routed to go on answering until `prune`.
        """
        observed = tuple(bodies)
        translation = translate(observed, self._settings, self._splits)
        wanted = to_servings(translation)
        both = union(self._serving, wanted)
        ports = self._server.serve(both)
        services = to_services(translation, ports, self._gateway.port)
        self._gateway.apply(to_mesh(_istio_objects(translation, observed), services, self._gateway.port))
        self._serving, self._wanted = both, wanted
        self._drained_at = time.monotonic() + DRAIN_SECONDS
        self._splits = translation.splits
        return translation

    def prune(self) -> None:
        """Stop serving models that nothing routes to any more, once requests on the way have arrived."""
        if self._serving != self._wanted and time.monotonic() >= self._drained_at:
            self._server.serve(self._wanted)
            self._serving = self._wanted

    def require_running(self) -> None:
        """Raise GatewayError or ModelServerError when a process has ended by itself."""
        if not self._gateway.is_running():
            raise GatewayError(f"Envoy has ended; its log: {self._gateway.log}")
        if self._server.exit_code is not None:
            raise ModelServerError(f"the model server has ended with code {self._server.exit_code}")

    def stop(self) -> None:
        """Stop both processes and wait for them."""
        try:
            self._gateway.stop()
        finally:
            self._server.stop()


def _istio_objects(
    translation: Translation, observed: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Ours, and the user's own: a generated object replaces a copy of it among the input."""
    ours = {_identity(body) for body in translation.objects}
    theirs = [
        body
        for body in observed
        if body["kind"] in _ISTIO_KINDS
        and str(body["apiVersion"]).startswith("networking.istio.io/")
        and _identity(body) not in ours
    ]
    return [*translation.objects, *theirs]


def _identity(body: Mapping[str, Any]) -> tuple[str, str, str]:
    return body["kind"], body["metadata"]["namespace"], body["metadata"]["name"]
