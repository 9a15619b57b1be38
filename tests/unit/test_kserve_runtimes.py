import pytest

from meshsplit.model import Settings, World
from support.manifests import (
    ONNX,
    Body,
    codes,
    group_of,
    make_namespace,
    make_pair,
    make_runtime,
    make_service,
    only,
    understand,
)


def see(*bodies: Body, settings: Settings | None = None) -> World:
    return understand(make_namespace(), *bodies, settings=settings)


def is_exposed(*runtimes: Body, predictor: Body = ONNX) -> bool:
    world = see(*runtimes, make_service("alone", tag=None, predictor=predictor))
    assert codes(world) == ([] if world.models else ["MSP210"])
    return bool(world.models)


def named(runtime: str) -> Body:
    return {"model": {"modelFormat": {"name": "onnx"}, "runtime": runtime}}


def test_only_the_string_true_exposes() -> None:
    assert is_exposed(make_runtime(route="true"))
    for route in ("True", "1", "yes", "false", ""):
        assert not is_exposed(make_runtime(route=route))
    assert not is_exposed(make_runtime(route=None))


def test_a_named_runtime_is_the_namespaces_first_and_the_clusters_second() -> None:
    hidden = make_runtime("r", "", route="false")
    assert is_exposed(make_runtime("r"), hidden, predictor=named("r"))
    assert not is_exposed(hidden, predictor=named("r"))
    assert not is_exposed(make_runtime("r", "elsewhere"), predictor=named("r"))


def test_a_named_runtime_need_not_select_the_format() -> None:
    assert is_exposed(make_runtime("r", model_format="sklearn"), predictor=named("r"))


def test_a_namespaces_runtime_wins_over_the_clusters_however_new() -> None:
    new = make_runtime("new", "", route="false", created="2026-05-01T00:00:00Z")
    assert is_exposed(make_runtime("old", created="2026-01-01T00:00:00Z"), new)


def test_the_newest_runtime_wins_and_an_unknown_age_is_the_oldest() -> None:
    newest = make_runtime("newest", created="2026-05-01T00:00:00+02:00")
    assert is_exposed(newest, make_runtime("a", route="false", created="2026-04-30T21:59:59Z"))
    assert is_exposed(newest, make_runtime("a", route="false"))


def test_of_runtimes_as_old_as_one_another_the_first_by_name_wins() -> None:
    assert is_exposed(make_runtime("a"), make_runtime("b", route="false"))
    assert not is_exposed(make_runtime("b"), make_runtime("a", route="false"))


@pytest.mark.parametrize(
    "spec",
    [
        {"multiModel": False},
        {"disabled": True},
        {"supportedModelFormats": [{"name": "onnx"}]},
        {"supportedModelFormats": [{"name": "onnx", "autoSelect": False}]},
        {"supportedModelFormats": []},
    ],
)
def test_a_runtime_that_does_not_fit_is_passed_over(spec: Body) -> None:
    misfit = make_runtime("a", created="2026-05-01T00:00:00Z", **spec)
    assert not is_exposed(misfit)
    assert is_exposed(misfit, make_runtime("b"))


def test_a_version_must_be_the_runtimes() -> None:
    offered = [{"name": "onnx", "version": "1", "autoSelect": True}]
    runtime = make_runtime(supportedModelFormats=offered)
    assert is_exposed(runtime, predictor={"model": {"modelFormat": {"name": "onnx", "version": "1"}}})
    assert is_exposed(runtime, predictor=ONNX)
    assert not is_exposed(runtime, predictor={"model": {"modelFormat": {"name": "onnx", "version": "2"}}})


def test_a_framework_in_the_legacy_spelling_is_a_format() -> None:
    assert is_exposed(make_runtime(model_format="sklearn"), predictor={"sklearn": {}})
    assert not is_exposed(make_runtime(model_format="sklearn"), predictor={"xgboost": {}})


def test_a_predictor_without_format_or_runtime_is_served_by_none() -> None:
    assert not is_exposed(make_runtime(), predictor={})
    assert not is_exposed(make_runtime(), predictor={"containers": [{"image": "x"}]})


def test_a_member_of_a_hidden_runtime_withdraws_its_group() -> None:
    world = see(
        make_runtime(),
        make_runtime("hidden", route=None, model_format="sklearn"),
        make_service("mnist-v1", "80"),
        make_service("mnist-v2", "20", predictor=named("hidden")),
    )
    finding = only(world, "MSP208")
    assert finding.path == ("spec", "predictor", "model", "runtime")
    assert finding.related[0].object.name == "hidden"
    assert group_of(world).withdrawn == finding
    assert [model.name for model in world.models] == ["mnist-v1"]


def test_a_member_without_a_runtime_withdraws_its_group() -> None:
    world = see(*make_pair())
    assert codes(world) == ["MSP209", "MSP209"]
    assert group_of(world).withdrawn == world.findings[0]


def test_a_named_runtime_that_is_disabled_or_unknown_serves_none() -> None:
    for runtimes in ([], [make_runtime("r", disabled=True)]):
        world = see(*runtimes, make_service("mnist-v1", predictor=named("r")))
        assert codes(world) == ["MSP209"]


def test_a_runtime_that_cannot_be_read_holds_the_group_instead_of_withdrawing_it() -> None:
    for predictor in (ONNX, named("triton")):
        world = see(make_runtime(multiModel="yes"), make_service("mnist-v1", predictor=predictor))
        assert codes(world) == ["MSP007"]
        assert group_of(world).refused == only(world, "MSP007")
        assert group_of(world).withdrawn is None
        assert world.models == ()


def test_enable_route_may_be_optional() -> None:
    settings = Settings(require_enable_route=False)
    world = see(*make_pair(), make_service("alone", tag=None), settings=settings)
    assert codes(world) == []
    assert len(world.models) == 3


def test_enable_route_is_not_asked_of_standard_and_knative_members() -> None:
    world = see(make_service("mnist-v1", mode="Knative"))
    assert codes(world) == []
    assert group_of(world).withdrawn is None
    assert world.models == ()
