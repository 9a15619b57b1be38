from typing import Any

import pytest

from meshsplit.model import DeploymentMode, Endpoint, Member, Settings
from support.manifests import (
    Body,
    codes,
    group_of,
    make_namespace,
    make_object,
    make_runtime,
    make_service,
    only,
    understand,
)


def member(*others: Body, settings: Settings | None = None, **fields: Any) -> Member:
    """The only member of a group that is exposed."""
    service = make_service("mnist-v1", **fields)
    world = understand(make_namespace(), make_runtime(), service, *others, settings=settings)
    (found,) = group_of(world).members
    return found


def model(**fields: Any) -> Body:
    return {"model": {"modelFormat": {"name": "onnx"}, **fields}}


def test_modelmesh_answers_for_a_whole_namespace_on_two_ports() -> None:
    host = "modelmesh-serving.models.svc.cluster.local"
    found = member(predictor=model(args=["--model_name=ignored"], protocolVersion="grpc-v2"))
    assert (found.rest, found.grpc) == (Endpoint(host, 8008), Endpoint(host, 8033))
    assert found.served_name == "mnist-v1"


def test_a_standard_member_has_both_protocols_on_its_own_service() -> None:
    endpoint = Endpoint("mnist-v1-predictor.models.svc.cluster.local", 80)
    found = member(mode="Standard")
    assert (found.rest, found.grpc) == (endpoint, endpoint)


def test_a_knative_member_needs_its_host_as_authority() -> None:
    host = "mnist-v1-predictor.models.svc.cluster.local"
    assert member(mode="Knative").rest == Endpoint(host, 80, authority=host)


def test_a_member_that_declares_grpc_speaks_nothing_else() -> None:
    for mode in ("Standard", "Knative"):
        found = member(mode=mode, predictor=model(protocolVersion="grpc-v2"))
        assert found.rest is None
        assert found.grpc is not None
    assert member(mode="Standard", predictor=model(protocolVersion="v2")).rest is not None


def test_a_transformer_stands_before_the_predictor() -> None:
    transformer = {"containers": [{"args": ["--model_name", "shown"]}]}
    found = member(
        mode="Standard", spec={"transformer": transformer}, predictor=model(args=["--model_name=hidden"])
    )
    assert found.rest == Endpoint("mnist-v1-transformer.models.svc.cluster.local", 80)
    assert found.served_name == "shown"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://mnist-v1.models.svc.cluster.local", Endpoint("mnist-v1.models.svc.cluster.local", 80)),
        ("http://mnist-v1.models.svc.cluster.local/", Endpoint("mnist-v1.models.svc.cluster.local", 80)),
        ("http://x.models.svc:8080/v2", Endpoint("x.models.svc", 8080)),
        ("https://x.models.svc", Endpoint("x.models.svc", 443)),
        ("", Endpoint("mnist-v1-predictor.models.svc.cluster.local", 80)),
        ("grpc://x.models.svc", Endpoint("mnist-v1-predictor.models.svc.cluster.local", 80)),
        ("http://x.models.svc:99999", Endpoint("mnist-v1-predictor.models.svc.cluster.local", 80)),
        ("http://[::1]", Endpoint("mnist-v1-predictor.models.svc.cluster.local", 80)),
        ("nonsense", Endpoint("mnist-v1-predictor.models.svc.cluster.local", 80)),
    ],
)
def test_the_address_in_the_status_wins_when_it_is_one(url: str, endpoint: Endpoint) -> None:
    assert member(mode="Standard", status={"address": {"url": url}}).rest == endpoint


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "mnist-v1"),
        ({"args": ["--model_name=served"]}, "served"),
        ({"args": ["--model_name", "served"]}, "served"),
        ({"args": ["--model_name=first", "--x", "--model_name", "last"]}, "last"),
        ({"args": ["--model_name", "first", "--model_name=last"]}, "last"),
        ({"args": ["--model_name={{.Name}}"]}, "mnist-v1"),
        ({"args": ["--model_name={{ .Name }}-x"]}, "mnist-v1-x"),
        ({"args": ["--model_name"]}, "mnist-v1"),
        ({"args": ["--model_name="]}, "mnist-v1"),
        ({"args": ["--model_names=other"]}, "mnist-v1"),
        ({"args": ["--model_dir=/mnt"]}, "mnist-v1"),
        ({"env": [{"name": "MLSERVER_MODEL_NAME", "value": "env"}], "args": ["--model_name=arg"]}, "env"),
        ({"env": [{"name": "MLSERVER_MODEL_NAME", "valueFrom": {"fieldRef": {}}}]}, "mnist-v1"),
        ({"env": [{"name": "OTHER", "value": "env"}]}, "mnist-v1"),
    ],
)
def test_the_served_name_follows_kserves_rule(fields: Body, name: str) -> None:
    for predictor in (model(**fields), {"sklearn": fields}, {"containers": [fields]}):
        assert member(mode="Standard", predictor=predictor).served_name == name


def test_the_named_runtimes_arguments_come_before_the_models_own() -> None:
    runtime = make_runtime("r", containers=[{"args": ["--model_name=fixed"]}])
    assert member(runtime, mode="Standard", predictor=model(runtime="r")).served_name == "fixed"
    own = model(runtime="r", args=["--model_name=own"])
    assert member(runtime, mode="Standard", predictor=own).served_name == "own"


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        ("ModelMesh", DeploymentMode.MODEL_MESH),
        ("Standard", DeploymentMode.STANDARD),
        ("RawDeployment", DeploymentMode.STANDARD),
        ("Knative", DeploymentMode.KNATIVE),
        ("Serverless", DeploymentMode.KNATIVE),
        (None, DeploymentMode.STANDARD),
    ],
)
def test_words_for_the_deployment_mode(word: str | None, mode: DeploymentMode) -> None:
    assert member(mode=word).mode is mode


def test_without_a_word_the_setting_decides() -> None:
    settings = Settings(default_mode=DeploymentMode.KNATIVE)
    assert member(mode=None, settings=settings).mode is DeploymentMode.KNATIVE


def test_an_unknown_word_leaves_the_object_out() -> None:
    world = understand(make_namespace(), make_service("a", tag=None, mode="modelmesh"))
    finding = only(world, "MSP007")
    assert finding.path == ("metadata", "annotations", "serving.kserve.io/deploymentMode")
    assert world.models == ()


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({}, None),
        ({"conditions": []}, None),
        ({"conditions": [{"type": "PredictorReady", "status": "False"}]}, None),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, True),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, False),
        ({"conditions": [{"type": "Ready", "status": "Unknown"}]}, False),
        ({"modelStatus": {"states": {"activeModelState": "Loaded"}}}, True),
        ({"modelStatus": {"states": {"activeModelState": "Standby"}}}, True),
        ({"modelStatus": {"states": {"activeModelState": "Loading"}}}, False),
        ({"modelStatus": {"states": {"activeModelState": ""}}}, None),
        (
            {
                "conditions": [{"type": "Ready", "status": "True"}],
                "modelStatus": {"states": {"activeModelState": "FailedToLoad"}},
            },
            False,
        ),
    ],
)
def test_ready_is_what_the_status_says(status: Body, ready: bool | None) -> None:
    assert member(status=status).ready is ready


def test_the_same_kinds_of_other_groups_are_not_ours() -> None:
    world = understand(
        make_namespace(),
        make_object("example.com/v1", "InferenceService", "a", "models", spec=3),
        make_object("example.com/v1", "Namespace", "models", spec=3),
        make_object("v1", "ModelSplit", "a", "models", spec=3),
    )
    assert codes(world) == []
    assert world.groups == ()
