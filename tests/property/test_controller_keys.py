"""Work on one key finds what work on everything would find for it, whatever else there is."""

from dataclasses import replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meshsplit.controller.cache import View
from meshsplit.controller.conditions import WEIGHT_REASONS
from meshsplit.controller.selection import Selection
from meshsplit.controller.whole import Whole
from meshsplit.diagnostics import Severity, severity_of
from meshsplit.kserve.objects import InferenceService
from meshsplit.kserve.source import understand
from meshsplit.kube.port import ObjectKey
from meshsplit.model import GroupKey
from meshsplit.translate import identity_of
from support.fleet import GATEWAYS, VIRTUAL_SERVICES, Body
from support.listed_api import ListedApi
from support.manifests import (
    GATEWAY,
    MESH,
    NAMESPACE,
    make_model_split,
    make_namespace,
    make_object,
    make_pair,
    make_runtime,
    make_service,
)
from support.stepwise import Controller
from support.store_api import Clock

NAMESPACES = ("one", "two", "three")
NAMES = ("a", "b", "c", "a-splitting", "a-splitting-splitting")
PLACES = ("istio-system/public", "istio-system/public", "istio-system/other")
GATEWAY_CODES = {"MSP206", "MSP303"}
HOSTS = ("shared.example.com", "*", "one.example.com", "two.example.com")

in_namespace = st.sampled_from(NAMESPACES)
names = st.sampled_from(NAMES)
ages = st.integers(0, 4).map(lambda second: f"2026-01-01T00:00:0{second}Z")
percents = st.sampled_from([None, "0", "20", "50", "80", "100", "x"])
modes = st.sampled_from(["ModelMesh", "ModelMesh", "Standard"])


def identified(body: Body, created: str) -> Body:
    metadata = body["metadata"]
    uid = f"{body['kind']}-{metadata.get('namespace')}-{metadata['name']}"
    return {**body, "metadata": {**metadata, "creationTimestamp": created, "uid": uid, "generation": 1}}


@st.composite
def services(draw: st.DrawFn) -> Body:
    body = make_service(
        draw(names),
        draw(percents),
        draw(st.none() | names),
        draw(in_namespace),
        draw(modes),
        status=draw(st.sampled_from([{}, {"conditions": [{"type": "Ready", "status": "False"}]}])),
    )
    if draw(st.integers(0, 15)) == 0:
        body["spec"] = "nothing that can be read"
    return identified(body, draw(ages))


@st.composite
def splits(draw: st.DrawFn) -> Body:
    routing: Any = draw(
        st.none()
        | st.fixed_dictionaries(
            {"hosts": st.lists(st.sampled_from(HOSTS), min_size=1, max_size=2, unique=True)}
        )
        | st.just({"mode": "Delegate"})
        | st.fixed_dictionaries({"gateways": st.lists(st.sampled_from(PLACES), min_size=1, max_size=1)})
    )
    if draw(st.booleans()):
        listed = draw(st.lists(names, min_size=1, max_size=2, unique=True))
        weights = [100] if len(listed) == 1 else [30, 70]
        members = [{"name": name, "weight": weight} for name, weight in zip(listed, weights, strict=True)]
        spec = {"weightsFrom": "Spec", "members": members, "routing": routing}
        if draw(st.booleans()):
            spec["modelTag"] = draw(names)
    else:
        spec = {"modelTag": draw(names), "routing": routing}
    given = {key: value for key, value in spec.items() if value is not None}
    return identified(make_model_split(draw(names), draw(in_namespace), **given), draw(ages))


@st.composite
def foreign_routes(draw: st.DrawFn) -> Body:
    http: Body = {"match": [{"uri": {"prefix": draw(st.sampled_from(["/", "/modelmesh/one/v2/models/a/"]))}}]}
    http["route"] = [{"destination": {"host": "other"}}]
    if draw(st.booleans()):
        delegate = {
            "namespace": draw(in_namespace),
            "name": draw(st.sampled_from(["a-splitting", "b-splitting"])),
        }
        http = {"match": http["match"], "delegate": delegate}
    spec = {
        "hosts": [draw(st.sampled_from(HOSTS))],
        "gateways": [draw(st.sampled_from(PLACES))],
        "http": [http],
    }
    name = draw(st.sampled_from([*NAMES, "b-splitting", "stranger"]))
    made = make_object(
        VIRTUAL_SERVICES.api_version, VIRTUAL_SERVICES.kind, name, draw(in_namespace), spec=spec
    )
    return identified(made, draw(ages))


@st.composite
def surroundings(draw: st.DrawFn, namespace: str) -> list[Body]:
    annotations = {
        MESH: draw(st.sampled_from(["true", "true", "true", "false"])),
        GATEWAY: draw(st.sampled_from([*PLACES, *PLACES, "not a gateway"])),
        "meshsplit.dev/hosts": draw(
            st.sampled_from(["*", "*", "{namespace}.example.com", "shared.example.com"])
        ),
    }
    route = draw(st.sampled_from(["true", "true", "true", "false"]))
    return [make_namespace(namespace, annotations), make_runtime(namespace=namespace, route=route)]


@st.composite
def worlds(draw: st.DrawFn) -> list[Body]:
    bodies = [body for namespace in NAMESPACES for body in draw(surroundings(namespace))]
    bodies += draw(st.lists(services(), max_size=9))
    bodies += draw(st.lists(splits(), max_size=4))
    bodies += draw(st.lists(foreign_routes(), max_size=2))
    if draw(st.booleans()):
        server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["shared.example.com"]}
        spec = {"servers": [server]}
        bodies.append(make_object(GATEWAYS.api_version, GATEWAYS.kind, "public", "istio-system", spec=spec))
    return list({identity(body): body for body in bodies}.values())


def identity(body: Body) -> tuple[str, str, str]:
    return body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]


def choose_one(controller: Controller, view: View) -> Selection:
    whole = Whole(understand(view.observed, controller.settings).world)
    return controller.reconciler.choose([view], whole, acting=False)[0]


def to_work(selection: Selection) -> tuple[object, ...]:
    """All that a pass would do and tell, but for what it says of weights."""
    errors = {
        finding
        for finding in selection.findings
        if finding.code not in WEIGHT_REASONS and severity_of(finding) is Severity.ERROR
    }
    return selection.outcome, selection.stale, selection.surplus, errors


def codes_of_gateways(selection: Selection) -> set[str]:
    return {finding.code for finding in selection.findings} & GATEWAY_CODES


@settings(max_examples=150)
@given(worlds())
def test_every_key_alone_is_what_it_is_among_all(bodies: list[Body]) -> None:
    controller = Controller(ListedApi(bodies), Clock()).start()
    observed = controller.cache.whole()
    whole = Whole(understand(observed, controller.settings).world)
    keys = sorted(controller.cache.keys())
    views = [controller.cache.view_in(observed, key) for key in keys]
    among = controller.reconciler.choose(views, whole, acting=False)
    for key, there in zip(keys, among, strict=True):
        alone = choose_one(controller, controller.cache.view(key))
        assert alone.outcome == there.outcome, key
        assert {identity_of(body): body for body in alone.stale} == {
            identity_of(b): b for b in there.stale
        }, key
        assert alone.surplus == there.surplus, key
        if there.outcome is not None:
            # Among all a gateway's finding may be another's; a key that has one is never without it.
            assert codes_of_gateways(alone) <= codes_of_gateways(there), key


@settings(max_examples=150)
@given(worlds(), st.data())
def test_an_edit_of_a_percentage_is_no_work_for_a_key_that_it_does_not_touch(
    bodies: list[Body], data: st.DataObject
) -> None:
    cache = (controller := Controller(ListedApi(bodies), Clock()).start()).cache
    readable = [service for service in cache.services.values() if isinstance(service, InferenceService)]
    assume(readable)
    service = data.draw(st.sampled_from(readable))
    keys = cache.keys()
    before = {key: to_work(choose_one(controller, cache.view(key))) for key in keys}
    edited = replace(service, percent=data.draw(percents))
    touched = cache.services.upsert(ObjectKey(service.namespace, service.name), edited)
    for key in keys - cache.touched_by_services(touched):
        assert to_work(choose_one(controller, cache.view(key))) == before[key], key


def test_an_edit_of_a_percentage_touches_its_group_and_who_lists_it_and_not_its_own_routes() -> None:
    listing = make_model_split("listing", modelTag="scorer", members=[{"name": "mnist-v1", "weight": 100}])
    bodies = [identified(body, "2026-01-01T00:00:00Z") for body in (*make_pair(), listing)]
    cache = Controller(ListedApi(bodies), Clock()).start().cache
    (service,) = (each for each in cache.services.of_group(GroupKey(NAMESPACE, "mnist-v1")))
    assert isinstance(service, InferenceService)

    def touch(**changes: Any) -> set[str]:
        touched = cache.services.upsert(ObjectKey(NAMESPACE, "mnist-v1"), replace(service, **changes))
        return {key.name for key in cache.touched_by_services(touched)}

    assert touch(percent="70") == {"mnist", "scorer"}
    assert touch(percent="60", ready=False) == {"mnist", "mnist-v1", "scorer"}
    assert touch(percent=None) == {"mnist", "mnist-v1", "scorer"}
