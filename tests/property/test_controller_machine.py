"""Whatever happens to a cluster, in any order: once it is quiet, it is what one pure pass makes of it."""

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from meshsplit.controller import resources
from meshsplit.istio import names
from meshsplit.istio.observed import is_made_here
from meshsplit.kube.port import ApiError, Conflict, Resource, TooManyRequests, Unavailable
from support.fleet import GATEWAYS, SERVICES, SPLITS, VIRTUAL_SERVICES, Body, Fleet
from support.generations import check_generation, last_manager
from support.manifests import (
    GATEWAY,
    MESH,
    MODEL_TAG,
    PERCENT,
    make_model_split,
    make_namespace,
    make_object,
    make_runtime,
    make_service,
)
from support.quiet import check_quiet
from support.stepwise import Controller
from support.store_api import Clock, StoreApi, make_store

NAMESPACES = ("one", "two")
NAMES = ("a", "b", "c", "mnist-splitting")
TAGS = ("mnist", "a", "mnist-splitting", "lone")
ROUTE_NAMES = ("mnist-splitting", "a", "b", "a-splitting", "stranger")
PUBLIC = "istio-system/public"

in_namespace = st.sampled_from(NAMESPACES)
service_names = st.sampled_from(NAMES)
tags = st.sampled_from([None, "mnist", "mnist", "mnist", *TAGS])
percents = st.sampled_from([None, "0", "20", "50", "50", "80", "100", "50%", "-5"])
errors = st.sampled_from(
    [
        Conflict(409, "Conflict", "the object has been modified"),
        TooManyRequests(429, "TooManyRequests", "slow down", 2.0),
        Unavailable(500, "InternalError", "etcdserver: request timed out"),
        ApiError(422, "Invalid", "admission webhook said no"),
    ]
)
EXPECTED = {409, 422, 429, 500}
"""Statuses of errors that were made on purpose, and of what is written after somebody else wrote it."""
members = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)


class Killed(BaseException):
    """The end of a controller, in the middle of what it does."""


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = make_store(self.clock)
        self.user = Fleet(StoreApi(self.store, "kubectl"))
        self.foreign: dict[tuple[str, str], str] = {}
        self.seen = 0
        self.controller = self._start()

    # What users do.

    @initialize()
    def found(self) -> None:
        for name in NAMESPACES:
            self.user.create(resources.NAMESPACES, make_namespace(name))
            self.user.create(
                resources.SERVING_RUNTIMES, make_runtime(namespace=name, containers=[{"name": "x"}])
            )
        for name, percent in (("a", "80"), ("b", "20")):
            self.user.create(SERVICES, make_service(name, percent, namespace="one"))
        self.controller = self._start()

    @rule(namespace=in_namespace, name=service_names, tag=tags, percent=percents)
    def create_service(self, namespace: str, name: str, tag: str | None, percent: str | None) -> None:
        if self.user.find(SERVICES, name, namespace) is None:
            self.user.create(SERVICES, make_service(name, percent, tag, namespace))

    @rule(namespace=in_namespace, name=service_names, percent=percents)
    def set_percent(self, namespace: str, name: str, percent: str | None) -> None:
        self._patch(SERVICES, {"metadata": {"annotations": {PERCENT: percent}}}, name, namespace)

    @rule(namespace=in_namespace, percent=st.integers(0, 100))
    def move_traffic(self, namespace: str, percent: int) -> None:
        for name, value in (("a", percent), ("b", 100 - percent)):
            self._patch(SERVICES, {"metadata": {"annotations": {PERCENT: str(value)}}}, name, namespace)

    @rule(namespace=in_namespace, name=service_names, tag=tags)
    def set_tag(self, namespace: str, name: str, tag: str | None) -> None:
        self._patch(SERVICES, {"metadata": {"labels": {MODEL_TAG: tag}}}, name, namespace)

    @rule(namespace=in_namespace, name=service_names, mode=st.sampled_from(["ModelMesh", "Standard"]))
    def set_mode(self, namespace: str, name: str, mode: str) -> None:
        annotations = {"serving.kserve.io/deploymentMode": mode}
        self._patch(SERVICES, {"metadata": {"annotations": annotations}}, name, namespace)

    @rule(namespace=in_namespace, name=service_names, ready=st.booleans())
    def set_ready(self, namespace: str, name: str, ready: bool) -> None:
        if self.user.find(SERVICES, name, namespace):
            self.user.set_ready(name, namespace, ready)

    @rule(namespace=in_namespace, name=service_names)
    def delete_service(self, namespace: str, name: str) -> None:
        self.user.delete(SERVICES, name, namespace)

    @rule(
        namespace=in_namespace,
        name=st.sampled_from(["mnist", "own"]),
        tag=st.sampled_from(["mnist", "mnist", "a"]),
        routing=st.sampled_from([None, None, {"hosts": ["shared.example.com"]}, {"mode": "Delegate"}]),
        strategy=st.sampled_from([None, None, {"canary": {"stepWeights": [5, 50]}}]),
        stable=st.sampled_from([None, "a"]),
    )
    def put_annotated_split(
        self, namespace: str, name: str, tag: str, routing: Any, strategy: Any, stable: str | None
    ) -> None:
        spec = {"modelTag": tag, "routing": routing, "strategy": strategy, "stableMember": stable}
        self._put_split(namespace, name, {key: value for key, value in spec.items() if value is not None})

    @rule(namespace=in_namespace, name=st.sampled_from(["mnist", "own"]), members=members)
    def put_listed_split(self, namespace: str, name: str, members: list[str]) -> None:
        weights = [100 // len(members)] * len(members)
        weights[0] += 100 - sum(weights)
        listed = [{"name": m, "weight": w} for m, w in zip(members, weights, strict=True)]
        self._put_split(namespace, name, {"weightsFrom": "Spec", "members": listed})

    @rule(namespace=in_namespace, name=st.sampled_from(["mnist", "own", "a"]))
    def delete_split(self, namespace: str, name: str) -> None:
        self.user.delete(SPLITS, name, namespace)

    @rule(
        namespace=in_namespace,
        mesh=st.sampled_from(["true", "true", "false", None]),
        gateway=st.sampled_from([PUBLIC, PUBLIC, "istio-system/other", "bad gateway", None]),
        hosts=st.sampled_from([None, None, "{namespace}.example.com"]),
    )
    def set_namespace(self, namespace: str, mesh: str | None, gateway: str | None, hosts: str | None) -> None:
        annotations = {MESH: mesh, GATEWAY: gateway, "meshsplit.dev/hosts": hosts}
        self.user.patch(resources.NAMESPACES, {"metadata": {"annotations": annotations}}, namespace)

    @rule(namespace=in_namespace, route=st.sampled_from(["true", "false", None]))
    def set_runtime(self, namespace: str, route: str | None) -> None:
        annotations = {"enable-route": route}
        self._patch(
            resources.SERVING_RUNTIMES, {"metadata": {"annotations": annotations}}, "triton", namespace
        )

    @rule(hosts=st.sampled_from([None, ["*"], ["one.example.com"]]))
    def set_gateway(self, hosts: list[str] | None) -> None:
        self.user.delete(GATEWAYS, "public", "istio-system")
        if hosts is None:
            return
        if self.user.find(resources.NAMESPACES, "istio-system") is None:
            self.user.create(resources.NAMESPACES, make_namespace("istio-system", {}))
        server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": hosts}
        body = make_object(
            GATEWAYS.api_version, GATEWAYS.kind, "public", "istio-system", spec={"servers": [server]}
        )
        self.user.create(GATEWAYS, body)

    # What others do to VirtualServices.

    @rule(namespace=in_namespace, name=st.sampled_from(ROUTE_NAMES), adopt=st.booleans())
    def put_foreign_route(self, namespace: str, name: str, adopt: bool) -> None:
        if self.user.find(VIRTUAL_SERVICES, name, namespace) is not None:
            return
        spec = {
            "hosts": ["*"],
            "gateways": [PUBLIC],
            "http": [{"route": [{"destination": {"host": "other"}}]}],
        }
        annotations = {names.ADOPT: "true"} if adopt else {}
        body = make_object(
            VIRTUAL_SERVICES.api_version,
            VIRTUAL_SERVICES.kind,
            name,
            namespace,
            metadata={"annotations": annotations},
            spec=spec,
        )
        made = self.user.create(VIRTUAL_SERVICES, body)
        if not adopt:
            self.foreign[namespace, name] = made["metadata"]["resourceVersion"]

    @rule(data=st.data())
    def hand_a_foreign_route_over(self, data: st.DataObject) -> None:
        if self.foreign:
            namespace, name = data.draw(st.sampled_from(sorted(self.foreign)))
            del self.foreign[namespace, name]
            annotations = {"metadata": {"annotations": {names.ADOPT: "true"}}}
            self.user.patch(VIRTUAL_SERVICES, annotations, name, namespace)

    @rule(data=st.data())
    def delete_a_route(self, data: st.DataObject) -> None:
        found = sorted(self.user.routes())
        if found:
            namespace, name = data.draw(st.sampled_from(found))
            self.foreign.pop((namespace, name), None)
            self.user.delete(VIRTUAL_SERVICES, name, namespace)

    @rule(
        data=st.data(),
        edit=st.sampled_from(
            [
                {"metadata": {"annotations": {names.WEIGHTS: "a=1,b=99"}}},
                {"metadata": {"annotations": {names.WEIGHTS: "nonsense"}}},
                {"metadata": {"annotations": {names.MODEL_TAG: None, "mine": "stays"}}},
                {"metadata": {"labels": {names.INFERENCESERVICE_NAME: None}}},
                {"spec": {"http": [{"route": [{"destination": {"host": "elsewhere"}}]}]}},
                {"spec": {"exportTo": ["."]}},
            ]
        ),
    )
    def edit_one_of_our_routes(self, data: st.DataObject, edit: Body) -> None:
        ours = sorted(place for place, body in self.user.routes().items() if is_made_here(body))
        if ours:
            namespace, name = data.draw(st.sampled_from(ours))
            self.user.patch(VIRTUAL_SERVICES, edit, name, namespace)

    # What happens to the controller.

    @rule()
    def work(self) -> None:
        self.controller.look()
        self.controller.work()

    @rule(kind=st.sampled_from(["inferenceservices", "modelsplits", "virtualservices", "namespaces"]))
    def work_with_late_news(self, kind: str) -> None:
        """Of all that happened only one kind is known so far."""
        self.controller.look(kind)
        self.controller.work()

    @rule(error=errors, failing=st.integers(1, 4))
    def work_while_writes_fail(self, error: ApiError, failing: int) -> None:
        left = iter(range(failing))

        def fail(_verb: str, resource: Resource, _name: str) -> None:
            # An Event that cannot be written waits for the next pass, whenever that is.
            if resource != resources.EVENTS and next(left, None) is not None:
                raise error

        self._api.before = fail
        self.controller.look()
        self.controller.work()
        self._api.before = lambda _verb, _resource, _name: None

    @rule(writes=st.integers(0, 5))
    def kill_at_a_write(self, writes: int) -> None:
        left = iter(range(writes))

        def die(_verb: str, _resource: Resource, _name: str) -> None:
            if next(left, None) is None:
                raise Killed

        self._api.before = die
        with suppress(Killed):
            self.controller.step()
        self.controller = self._start()

    @rule()
    def settle(self) -> None:
        self.controller.settle()
        check_quiet(self.user.world())
        for (namespace, name), version in self.foreign.items():
            route = self.user.get(VIRTUAL_SERVICES, name, namespace)
            assert route["metadata"]["resourceVersion"] == version
        written = len(self._api.writes)
        self.controller.sweep.run()
        self.controller.settle()
        assert self._api.writes[written:] == []
        assert {error.status for error in self.controller.errors} <= EXPECTED

    def teardown(self) -> None:
        self.settle()

    @invariant()
    def no_generation_is_ever_wrong(self) -> None:
        self.clock.advance(1.0)
        api = StoreApi(self.store)
        for event in api.events("networking.istio.io", "virtualservices", self.seen):
            if event.after is not None and last_manager(event.after) == "meshsplit":
                check_generation(event.after)
        self.seen = self.store.version

    # Inside.

    def _start(self) -> Controller:
        self._api = StoreApi(self.store)
        return Controller(self._api, self.clock).start()

    def _patch(self, resource: Resource, body: Body, name: str, namespace: str) -> None:
        if self.user.find(resource, name, namespace) is not None:
            self.user.patch(resource, body, name, namespace)

    def _put_split(self, namespace: str, name: str, spec: Body) -> None:
        body = make_model_split(name, namespace, **spec)
        held = self.user.find(SPLITS, name, namespace)
        if held is None:
            self.user.create(SPLITS, body)
        else:
            gone = {key: None for key in held["spec"] if key not in spec}
            self.user.patch(SPLITS, {"spec": {**gone, **spec}}, name, namespace)


Machine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
)
TestMachine = Machine.TestCase
