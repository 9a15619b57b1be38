"""A folder of manifests, served: model servers behind a real Envoy that follows the pure translation."""

import time
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from meshsplit.local.backends import to_services, to_servings, union
from meshsplit.local.gateway import Gateway
from meshsplit.local.mesh import to_mesh
from meshsplit.local.models.process import ModelServer
from meshsplit.local.models.spec import Serving
from meshsplit.model import GroupKey, ObjectIdentity, Settings, Split, Translation
from meshsplit.translate import identity_of, translate

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
        self._written: dict[ObjectIdentity, Mapping[str, Any]] = {}

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
        written = self._with_untouched(translation)
        mesh = to_mesh([*written.values(), *_theirs(observed, written)], services, self._gateway.port)
        self._gateway.apply(mesh)
        self._serving, self._wanted = both, both if translation.untouched else wanted
        self._drained_at = time.monotonic() + DRAIN_SECONDS
        self._splits, self._written = translation.splits, written
        return translation

    def _with_untouched(self, translation: Translation) -> dict[ObjectIdentity, Mapping[str, Any]]:
        """What is to be served: the objects as written, and from before those that stay as they are."""
        kept = {key: body for key, body in self._written.items() if key in translation.untouched}
        return kept | {identity_of(body): body for body in translation.objects}

    def prune(self) -> None:
        """Stop serving models that nothing routes to any more, once requests on the way have arrived."""
        if self._serving != self._wanted and time.monotonic() >= self._drained_at:
            self._server.serve(self._wanted)
            self._serving = self._wanted

    def require_running(self) -> None:
        """Raise GatewayError or ModelServerError when a process has ended by itself."""
        self._gateway.require_running()
        self._server.require_running()

    def stop(self) -> None:
        """Stop both processes and wait for them."""
        try:
            self._gateway.stop()
        finally:
            self._server.stop()


def _theirs(
    observed: Iterable[Mapping[str, Any]], ours: Container[ObjectIdentity]
) -> list[Mapping[str, Any]]:
    """The user's own Istio objects; a copy of a generated one among the input is not theirs."""
    return [
        body
        for body in observed
        if body["kind"] in _ISTIO_KINDS
        and str(body["apiVersion"]).startswith("networking.istio.io/")
        and identity_of(body) not in ours
    ]
