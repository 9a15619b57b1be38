"""Everything of a cluster but the controller: its API, KServe's part, model servers, and a real Envoy."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from meshsplit.local.cluster import MANAGER, OBSERVED, Cluster
from meshsplit.local.follower import MeshFollower
from meshsplit.local.gateway import Gateway
from meshsplit.local.hosting import Hosting
from meshsplit.local.kserve import FIELD_MANAGER, KServe
from meshsplit.local.mlserver.servers import MLServers
from meshsplit.local.models.process import ModelServer
from meshsplit.local.runtimes import make_cluster_runtimes
from meshsplit.local.services import make_gateway_service
from meshsplit.local.sync import FolderSync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import Self

    from meshsplit.local.cluster import Body
    from meshsplit.local.models.spec import Behaviour
    from meshsplit.local.sync import Refusal
    from meshsplit.manifests.document import Document
    from meshsplit.model import Settings


class Session:
    """A running cluster without a controller: `start` it, `sync` a folder into it, then `run` the rest."""

    def __init__(
        self,
        cluster: Cluster,
        gateway: Gateway,
        models: ModelServer,
        mlservers: MLServers | None,
        settings: Settings,
        say: Callable[[str], None],
        changed: Callable[[Sequence[Body]], None],
    ) -> None:
        self.cluster = cluster
        self._gateway = gateway
        self._models = models
        self._kserve = KServe(cluster, Hosting(models, mlservers), settings)
        self._mesh = MeshFollower(cluster, gateway, settings, say, changed)
        self._folder = FolderSync(cluster)
        self._running = ExitStack()

    @classmethod
    def start(
        cls,
        directory: Path,
        state_file: Path | None,
        gateway_port: int,
        settings: Settings,
        say: Callable[[str], None],
        changed: Callable[[Sequence[Body]], None],
        *,
        mlserver: bool = False,
    ) -> Self:
        """Start all processes with their files and logs in `directory`; port 0 takes a free one.

        `state_file`, if given, keeps the cluster's objects from one session to the next. `say` gets one line
        about each object that cannot be served, `changed` the VirtualServices that serve, after every change.
        With `mlserver` a real MLServer serves what is scikit-learn's. Raises what the `start` of Gateway,
        ModelServer, MLServers and Cluster raises, with nothing left running.
        """
        directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as started:
            gateway = Gateway.start(directory / "gateway", gateway_port)
            started.callback(gateway.stop)
            models = ModelServer.start(directory / "models.log")
            started.callback(models.stop)
            mlservers = MLServers.start(directory / "mlserver", say) if mlserver else None
            if mlservers is not None:
                started.callback(mlservers.stop)
            cluster = Cluster.start(state_file)
            started.callback(cluster.stop)
            session = cls(cluster, gateway, models, mlservers, settings, say, changed)
            session._install(settings)
            session._running = started.pop_all()
        return session

    @property
    def url(self) -> str:
        """Base URL of the gateway."""
        return self._gateway.url

    @property
    def mesh_url(self) -> str:
        """Base URL for requests to Services by their names, as a Pod with a sidecar sends them."""
        return self._gateway.sidecar_url

    @property
    def gateway_counters(self) -> str:
        """URL at which Envoy shows its counters."""
        return f"{self._gateway.admin_url}/stats/prometheus"

    @property
    def model_counters(self) -> dict[str, str]:
        """URL, by namespace, at which ModelMesh shows its counters."""
        return {name: f"http://127.0.0.1:{port}/metrics" for name, port in self._kserve.counters.items()}

    def behave(self, behaviours: Sequence[Behaviour]) -> None:
        """Let models fail or be slow from now on."""
        self._models.behave(behaviours)

    @property
    def is_loading(self) -> bool:
        """Whether a model that the cluster asks for does not answer yet through Envoy."""
        return self._kserve.is_loading or not self._mesh.has_all_endpoints

    @property
    def served(self) -> tuple[Body, ...]:
        """The VirtualServices that Envoy serves now, by namespace and name."""
        return self._mesh.served

    def sync(self, documents: Iterable[Document]) -> tuple[Refusal, ...]:
        """Make the cluster have what the documents of the folder say."""
        return self._folder.apply(documents)

    def observed(self) -> list[Body]:
        """Every object of the cluster that decides about routes."""
        return self.cluster.list(OBSERVED)

    def run(self) -> None:
        """Load the models, serve the routes that there are, and go on doing so until `stop`.

        When it returns, every model that the cluster asks for has loaded and says so in its status; those
        that MLServer serves take longer (`is_loading`).
        """
        for worker in (self._kserve.worker, self._mesh.worker):
            self._running.callback(worker.stop)
            worker.start()

    def require_running(self) -> None:
        """Raise GatewayError, ModelServerError or whatever else ended a part by itself."""
        self._gateway.require_running()
        self._models.require_running()
        self._kserve.worker.require_running()
        self._mesh.worker.require_running()

    def stop(self) -> None:
        """Stop everything, in the reverse order of its start, and wait for it."""
        self._running.close()

    def _install(self, settings: Settings) -> None:
        """Put in place what an installation of Istio and KServe has: the gateway's Service, the runtimes."""
        for body in make_gateway_service(settings.loop, self._gateway.port):
            self.cluster.ensure_namespace(body["metadata"]["namespace"])
            self.cluster.apply(body, MANAGER)
        for body in make_cluster_runtimes():
            self.cluster.ensure(body, FIELD_MANAGER)
