"""Which model server serves what: the bundled one, or MLServer for scikit-learn where that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.local.models.spec import StandardServing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from meshsplit.local.mlserver.servers import MLServers
    from meshsplit.local.models.process import ModelServer
    from meshsplit.local.models.spec import Ports, Serving, ServingKey

_SKLEARN = "sklearn"


class Hosting:
    """All model servers of a session; one caller at a time."""

    def __init__(self, bundled: ModelServer, mlservers: MLServers | None) -> None:
        self._bundled = bundled
        self._mlservers = mlservers

    def notify(self, changed: Callable[[], None]) -> None:
        """From now on call `changed`, in another thread, when `serve` would answer anew."""
        self._bundled.notify(changed)
        if self._mlservers is not None:
            self._mlservers.notify(changed)

    def serve(self, servings: Sequence[Serving]) -> Mapping[ServingKey, Ports]:
        """Serve exactly `servings`; the ports of those that answer already, by `serving.key`.

        ModelServerError when the bundled server cannot.
        """
        if self._mlservers is None:
            return self._bundled.serve(servings)
        real = [it for it in servings if isinstance(it, StandardServing) and it.model_format == _SKLEARN]
        others = [it for it in servings if it not in real]
        return {**self._bundled.serve(others), **self._mlservers.serve(real)}
