"""Whatever is asked for, and whenever the controller dies: requests always have somewhere to go."""

from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from meshsplit.controller.resources import DISVCS
from meshsplit.kube.port import Resource, Unavailable
from support.disvcs import NAME
from support.manifests import NAMESPACE
from support.stepdisvc import INGRESS, ISVC, ROUTE, SERVICE, DisvcController, World
from support.store_api import StoreApi

STORAGES = st.sampled_from(["1", "2", "3"])
REPLICAS = st.integers(1, 3)
STRATEGIES = st.sampled_from(
    [
        {"type": "RollingUpdate"},
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}},
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}},
    ]
)


AFFINITIES = st.sampled_from([None, {"none": True, "header": None}, {"none": None, "header": "x-user"}])


class Killed(BaseException):
    """As SIGKILL: nothing is cleaned up."""


class Disvc(RuleBasedStateMachine):
    """Users, KServe, time and a controller that dies before a write, or whose write fails."""

    @initialize(replicas=REPLICAS)
    def begin(self, replicas: int) -> None:
        self.world = World()
        self.slow: set[str] = set()
        self.world.ready = lambda name: name not in self.slow
        self.left: int | None = None
        self.fails = False
        self.served = False
        self.writer = StoreApi(self.world.store, before=self._before)
        self.world.create(replicas=replicas, drainSeconds=3, inferenceService=self._template("1"))
        self.controller = DisvcController(self.world, self.writer)

    def _template(self, storage: str) -> dict[str, Any]:
        return {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": storage}}}

    def _before(self, _verb: str, _resource: Resource, _name: str) -> None:
        self.check()
        if self.left == 0:
            self.left = None
            if self.fails:
                raise Unavailable(503, "ServiceUnavailable", "not now")
            raise Killed
        if self.left is not None:
            self.left -= 1

    @rule(storage=STORAGES)
    def ask_for(self, storage: str) -> None:
        self.world.edit(inferenceService=self._template(storage))

    @rule(replicas=REPLICAS)
    def scale(self, replicas: int) -> None:
        self.world.edit(replicas=replicas)

    @rule(strategy=STRATEGIES)
    def choose(self, strategy: dict[str, Any]) -> None:
        self.world.edit(deploymentStrategy=strategy)

    @rule(exposure=st.sampled_from(["VirtualService", "Ingress"]))
    def expose(self, exposure: str) -> None:
        self.world.edit(exposure=exposure)

    @rule(affinity=AFFINITIES)
    def stick(self, affinity: dict[str, Any] | None) -> None:
        self.world.edit(sessionAffinity=affinity)

    @rule(data=st.data())
    def be_slow(self, data: st.DataObject) -> None:
        """The next version takes its time; what is ready once stays so."""
        last = self.world.status.get("lastVersion", 0) + 1
        self.slow.add(f"iris-v{data.draw(st.integers(last, last + 1))}-0")

    @precondition(lambda self: self.slow)
    @rule()
    def get_ready(self) -> None:
        self.slow.clear()

    @rule(seconds=st.sampled_from([1.0, 4.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(kserve=st.booleans())
    def step(self, kserve: bool) -> None:
        if kserve:
            self.world.kserve()
        self.controller.step()
        self.check()

    @rule(writes=st.integers(0, 6), fails=st.booleans())
    def break_off(self, writes: int, fails: bool) -> None:
        self.left, self.fails = writes, fails
        with suppress(Killed, Unavailable):
            self.controller.step()
        self.left = None
        if not fails:
            self.controller = DisvcController(self.world, self.writer)
        self.check()

    def check(self) -> None:
        """Whatever a route names is there, and once something has served, something always does."""
        world = self.world
        if not self.served:
            self.served = bool(world.routed)
        if not self.served:
            return
        assert world.routed, "there is no route any more"
        services, names = world.names(SERVICE), world.names(ISVC)
        for kind in (ROUTE, INGRESS):
            body = world.user.find(kind, NAME, NAMESPACE)
            if body is None:
                continue
            group = world.routed_by(body)
            assert group in services, f"{kind.kind} names {group}, there is {services}"
            assert any(world.is_ready(n) for n in names if n.startswith(f"{group}-")), f"{group} is not ready"

    def teardown(self) -> None:
        """Everything comes to rest with one version, the one that was asked for."""
        if not hasattr(self, "world"):
            return
        self.slow.clear()
        self.world.edit(deploymentStrategy=None)
        self.world.settle(self.controller)
        self.check()
        world, spec = self.world, self.world.user.get(DISVCS, NAME, NAMESPACE)["spec"]
        (version,) = world.phases
        assert world.phases == {version: "Serving"}
        assert world.routed == f"iris-v{version}"
        assert world.names(ISVC) == [f"iris-v{version}-{i}" for i in range(spec["replicas"])]
        assert world.names(SERVICE) == ["iris", f"iris-v{version}"]
        for name in world.names(ISVC):
            model = world.user.get(ISVC, name, NAMESPACE)["spec"]["predictor"]["model"]
            assert model["storageUri"] == spec["inferenceService"]["predictor"]["model"]["storageUri"]
        exposed = (world.names(ROUTE), world.names(INGRESS))
        assert exposed == (([], [NAME]) if spec.get("exposure") == "Ingress" else ([NAME], []))
        assert world.condition("Ready") == ("True", "Serving")


TestDisvc = Disvc.TestCase
TestDisvc.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
