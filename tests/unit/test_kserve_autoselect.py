"""Which single-model runtime KServe would take, among several that fit."""

from typing import Any

import pytest

from meshsplit.kserve.autoselect import choose_runtime, find_named
from meshsplit.kserve.decode import to_serving_runtime
from meshsplit.kserve.objects import ServingRuntime
from meshsplit.local.runtimes import make_cluster_runtimes
from support.manifests import make_object

OLD, NEW = "2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z"


def make(
    name: str = "r",
    namespace: str = "",
    created: str | None = None,
    priority: int | None = None,
    protocols: tuple[str, ...] = ("v1", "v2"),
    version: str | None = None,
    select: bool | None = True,
    **spec: Any,
) -> ServingRuntime:
    """A runtime for scikit-learn; of the cluster without a namespace."""
    offer = {"name": "sklearn", "autoSelect": select, "priority": priority, "version": version}
    body = make_object(
        "serving.kserve.io/v1alpha1",
        "ServingRuntime" if namespace else "ClusterServingRuntime",
        name,
        namespace,
        metadata={"creationTimestamp": created},
        spec={
            "supportedModelFormats": [{key: value for key, value in offer.items() if value is not None}],
            "protocolVersions": list(protocols),
            "containers": [],
            **spec,
        },
    )
    read = to_serving_runtime(body)
    assert isinstance(read, ServingRuntime), read
    return read


def choose(
    *runtimes: ServingRuntime, version: str | None = None, protocol: str | None = None
) -> ServingRuntime | None:
    """The choice for `models`, whatever order they come in."""
    chosen = choose_runtime("sklearn", version, protocol, "models", runtimes)
    assert choose_runtime("sklearn", version, protocol, "models", runtimes[::-1]) == chosen
    return chosen


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (make(namespace="models", created=OLD), make(created=NEW, priority=9)),
        (make(priority=3, created=OLD, protocols=("v1", "v2")), make("s", priority=2, created=NEW)),
        (make(priority=0, created=OLD), make("s", created=NEW)),
        (make(protocols=("v1", "v2"), created=OLD), make("s", protocols=("v2",), created=NEW)),
        (make(created=NEW), make("a", created=OLD)),
        (make(created=OLD), make("a")),
        (make("a", created=OLD), make("b", created=OLD)),
    ],
    ids=[
        "of the namespace",
        "higher priority",
        "any priority",
        "lower protocol",
        "newer",
        "of a known age",
        "name",
    ],
)
def test_the_first_of_two_is_taken(first: ServingRuntime, second: ServingRuntime) -> None:
    assert choose(first, second, protocol="v2") == first


@pytest.mark.parametrize(
    "unfit",
    [
        make(disabled=True),
        make(multiModel=True),
        make(select=False),
        make(select=None),
        make(version="2"),
        make(namespace="elsewhere"),
        make(protocols=("grpc-v2",)),
        make(supportedModelFormats=[{"name": "onnx", "autoSelect": True, "version": "1"}]),
    ],
    ids=["disabled", "multi-model", "select no", "select", "version", "elsewhere", "protocol", "format"],
)
def test_one_that_does_not_fit_is_never_taken(unfit: ServingRuntime) -> None:
    fit = make("z", version="1", created=OLD)
    assert choose(unfit, version="1") is None
    assert choose(unfit, fit, version="1") == fit


def test_without_a_protocol_it_is_v1() -> None:
    only_v2 = make(protocols=("v2",))
    assert choose(only_v2) is None
    assert choose(only_v2, protocol="v2") == only_v2


def test_a_runtime_that_names_no_protocol_speaks_all() -> None:
    silent = make(protocols=())
    assert choose(silent) == silent
    assert choose(silent, protocol="grpc-v2") == silent


def test_a_version_is_asked_for_only_if_the_model_names_one() -> None:
    second = make(version="2")
    assert choose(second) == second
    assert choose(second, version="2") == second
    assert choose(make(), version="2") is None


def test_of_one_runtimes_offers_the_most_urgent_that_fits_counts() -> None:
    offers = [
        {"name": "sklearn", "version": "0", "autoSelect": True, "priority": 1},
        {"name": "sklearn", "version": "1", "autoSelect": True, "priority": 9},
        {"name": "onnx", "version": "1", "autoSelect": True, "priority": 99},
    ]
    several, other = make(supportedModelFormats=offers), make("other", priority=5, version="0")
    assert choose(several, other) == several
    assert choose(several, other, version="0") == other


def test_of_an_installations_own_runtimes_priority_decides() -> None:
    found = [to_serving_runtime(body) for body in make_cluster_runtimes()]
    runtimes = [each for each in found if isinstance(each, ServingRuntime)]
    chosen = [
        choose_runtime(model_format, version, protocol, "models", runtimes)
        for model_format, version, protocol in (
            ("sklearn", None, "v1"),
            ("sklearn", None, "v2"),
            ("sklearn", "0", "v2"),
            ("xgboost", None, "v2"),
            ("xgboost", None, None),
        )
    ]
    assert [each.ref.name if each else None for each in chosen] == [
        "kserve-sklearnserver",
        "kserve-sklearnserver",
        "kserve-mlserver",
        "kserve-mlserver",
        None,
    ]


def test_a_named_runtime_is_the_namespaces_before_the_clusters() -> None:
    own, wide, elsewhere = make(namespace="models"), make(), make(namespace="elsewhere")
    assert find_named("r", "models", [wide, own, elsewhere]) == own
    assert find_named("r", "models", [wide, elsewhere]) == wide
    assert find_named("r", "models", [elsewhere]) is None
    assert find_named("s", "models", [wide, own]) is None
