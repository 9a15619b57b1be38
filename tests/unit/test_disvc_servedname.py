"""What a replica is given, so that its server answers to the DistributedInferenceService's name."""

from typing import Any

import pytest

from meshsplit.disvc.servedname import Served, serve_as
from meshsplit.kserve.decode import to_serving_runtime
from meshsplit.kserve.objects import ServingRuntime
from meshsplit.local.runtimes import make_cluster_runtimes
from meshsplit.model import Settings
from support.manifests import Body, make_object

SETTINGS = Settings()
NAME = "iris"
PLACEHOLDER = "{{.Name}}"


def make_runtime(name: str, model_format: str, container: Body, **fields: Any) -> ServingRuntime:
    """A cluster's runtime for v1 and v2 that selects one format."""
    annotations = fields.pop("annotations", {})
    spec = {
        "supportedModelFormats": [{"name": model_format, "autoSelect": True}],
        "protocolVersions": ["v1", "v2", "grpc-v2"],
        "containers": [{"name": "kserve-container", **container}],
        **fields,
    }
    version, kind = "serving.kserve.io/v1alpha1", "ClusterServingRuntime"
    read = to_serving_runtime(
        make_object(version, kind, name, metadata={"annotations": annotations}, spec=spec)
    )
    assert isinstance(read, ServingRuntime)
    return read


def read_shipped() -> list[ServingRuntime]:
    """Those that an installation of KServe brings for scikit-learn."""
    found = [to_serving_runtime(body) for body in make_cluster_runtimes()]
    return [each for each in found if isinstance(each, ServingRuntime)]


RUNTIMES = [
    *read_shipped(),
    make_runtime("kserve-paddleserver", "paddle", {"args": [f"--model_name={PLACEHOLDER}", "--workers=1"]}),
    make_runtime("two-words", "pmml", {"args": ["--model_name", PLACEHOLDER]}),
    make_runtime(
        "kserve-tensorflow-serving", "tensorflow", {"args": ["--port=9000", f"--model_name={PLACEHOLDER}"]}
    ),
    make_runtime("vllm", "vLLM", {"args": ["--model=/mnt/models", f"--served-model-name={PLACEHOLDER}"]}),
    make_runtime(
        "kserve-tritonserver", "triton", {"args": ["tritonserver"]}, protocolVersions=["v2", "grpc-v2"]
    ),
    make_runtime("onnx", "onnx", {"args": ["tritonserver"]}, protocolVersions=["v2"]),
    make_runtime("kserve-torchserve", "pytorch", {"args": ["torchserve", "--start"]}),
]


def serve(predictor: Body, *runtimes: ServingRuntime, namespace: str = "models") -> Served:
    return serve_as(NAME, {"predictor": predictor}, namespace, runtimes or RUNTIMES)


def serve_model(model_format: str, **fields: Any) -> Served:
    return serve({"model": {"modelFormat": {"name": model_format}, **fields}})


def added(served: Served, field: str = "model") -> Body:
    """What the model has that may name it."""
    model = served.template["predictor"][field]
    return {key: model[key] for key in ("args", "env") if key in model}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"modelFormat": {"name": "sklearn"}}, {"args": ["--model_name=iris"]}),
        (
            {"modelFormat": {"name": "sklearn"}, "runtime": "kserve-sklearnserver", "protocolVersion": "v2"},
            {"args": ["--model_name=iris"]},
        ),
        (
            {"modelFormat": {"name": "sklearn"}, "args": ["--workers=2"]},
            {"args": ["--workers=2", "--model_name=iris"]},
        ),
        ({"modelFormat": {"name": "paddle"}}, {"args": ["--model_name=iris"]}),
        ({"modelFormat": {"name": "pmml"}}, {"args": ["--model_name=iris"]}),
        ({"modelFormat": {"name": "tensorflow"}}, {"args": ["--model_name=iris"]}),
        ({"modelFormat": {"name": "vLLM"}}, {"args": ["--served-model-name=iris"]}),
        (
            {"modelFormat": {"name": "sklearn"}, "runtime": "kserve-mlserver"},
            {"env": [{"name": "MLSERVER_MODEL_NAME", "value": "iris"}]},
        ),
        (
            {
                "modelFormat": {"name": "lightgbm"},
                "protocolVersion": "v2",
                "env": [{"name": "A", "value": "b"}],
            },
            {"env": [{"name": "A", "value": "b"}, {"name": "MLSERVER_MODEL_NAME", "value": "iris"}]},
        ),
        ({"modelFormat": {"name": "triton"}, "protocolVersion": "v2"}, {}),
        ({"modelFormat": {"name": "pytorch"}}, {}),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if "modelFormat" in value else "",
)
def test_a_server_is_told_the_name_as_its_runtime_takes_it(model: Body, expected: Body) -> None:
    served = serve({"model": model, "minReplicas": 1})
    assert added(served) == expected
    assert served.problem == ""
    rest = {key: value for key, value in model.items() if key not in ("args", "env")}
    assert served.template == {"predictor": {"model": {**rest, **expected}, "minReplicas": 1}}


@pytest.mark.parametrize(
    "named",
    [
        {"args": ["--model_name=mine"]},
        {"args": ["--model_name", "mine"]},
        {"args": ["--served-model-name=mine"]},
        {"env": [{"name": "MLSERVER_MODEL_NAME", "value": "mine"}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("runtime", ["kserve-sklearnserver", "kserve-mlserver", "vllm", "nowhere"])
def test_a_name_that_the_user_set_stays(named: Body, runtime: str) -> None:
    served = serve_model("sklearn", runtime=runtime, **named)
    assert added(served) == named
    assert served.problem == ""


def test_an_argument_that_kserve_fills_in_is_no_name_of_the_users() -> None:
    given = f"--model_name={PLACEHOLDER}"
    assert added(serve_model("sklearn", args=[given])) == {"args": [given, "--model_name=iris"]}


def test_the_callers_template_is_not_touched() -> None:
    model = {"modelFormat": {"name": "sklearn"}, "args": ["--workers=2"], "env": []}
    template = {"predictor": {"model": model}}
    serve_as(NAME, template, "models", RUNTIMES)
    assert template == {"predictor": {"model": {**model, "args": ["--workers=2"], "env": []}}}


class TestLegacySpellings:
    def test_the_argument_goes_where_the_framework_is(self) -> None:
        served = serve({"sklearn": {"storageUri": "gs://iris"}})
        assert served.template["predictor"] == {
            "sklearn": {"storageUri": "gs://iris", "args": ["--model_name=iris"]}
        }

    def test_so_does_mlservers_variable(self) -> None:
        served = serve({"lightgbm": {"protocolVersion": "v2"}})
        assert added(served, "lightgbm") == {"env": [{"name": "MLSERVER_MODEL_NAME", "value": "iris"}]}

    @pytest.mark.parametrize("framework", ["triton", "onnx"])
    def test_kserve_asks_for_protocol_v2_where_none_is_given(self, framework: str) -> None:
        served = serve({framework: {"storageUri": "gs://model"}})
        assert (added(served, framework), served.problem) == ({}, "")

    def test_and_so_it_does_for_a_model_of_tritons_format(self) -> None:
        assert serve_model("triton").problem == ""


class TestCustomContainers:
    def test_one_that_takes_the_argument_is_given_it(self) -> None:
        containers = [{"image": "mine", "args": [f"--model_name={PLACEHOLDER}", "-v"]}, {"image": "side"}]
        served = serve({"containers": containers})
        first, second = served.template["predictor"]["containers"]
        assert first["args"] == [f"--model_name={PLACEHOLDER}", "-v", "--model_name=iris"]
        assert second == {"image": "side"}
        assert served.problem == ""

    @pytest.mark.parametrize("arguments", [None, [], ["-v"], ["--model_name=mine"]], ids=str)
    def test_any_other_stays_as_it_is(self, arguments: list[str] | None) -> None:
        container: Body = {"image": "mine", **({} if arguments is None else {"args": arguments})}
        served = serve({"containers": [container]})
        assert served.template == {"predictor": {"containers": [container]}}
        assert served.problem == ""

    def test_beside_a_model_a_container_is_a_sidecar(self) -> None:
        sidecar = {"name": "side", "args": [f"--model_name={PLACEHOLDER}"]}
        served = serve({"model": {"modelFormat": {"name": "sklearn"}}, "containers": [sidecar]})
        assert added(served) == {"args": ["--model_name=iris"]}
        assert served.template["predictor"]["containers"] == [sidecar]


class TestTransformers:
    """Requests come in by a transformer, which KServe tells the InferenceService's name unless it has one."""

    def serve(self, container: Body, **model: Any) -> Served:
        predictor = {"model": {"modelFormat": {"name": "sklearn"}, **model}}
        template = {"predictor": predictor, "transformer": {"containers": [container, {"image": "side"}]}}
        return serve_as(NAME, template, "models", RUNTIMES)

    def arguments(self, served: Served) -> list[str]:
        first, second = served.template["transformer"]["containers"]
        assert second == {"image": "side"}
        found: list[str] = first.get("args", [])
        return found

    @pytest.mark.parametrize("given", [[], ["-v"], [f"--model_name={PLACEHOLDER}"]], ids=str)
    def test_one_without_a_name_is_told_it_as_its_predictor_is(self, given: list[str]) -> None:
        served = self.serve({"image": "mine", "args": given})
        assert self.arguments(served) == [*given, "--model_name=iris"]
        assert added(served) == {"args": ["--model_name=iris"]}

    @pytest.mark.parametrize("given", [["--model_name=mine"], ["--model_name", "mine"]], ids=str)
    def test_one_that_has_a_name_keeps_it(self, given: list[str]) -> None:
        assert self.arguments(self.serve({"image": "mine", "args": given})) == given

    def test_its_port_is_the_one(self) -> None:
        model = {"ports": [container_port(8081, "h2c")]}
        served = self.serve({"image": "mine"}, **model)
        assert (served.port, served.grpc) == (8080, False)
        served = self.serve({"image": "mine", "ports": [container_port(9000, "h2c")]}, **model)
        assert (served.port, served.grpc) == (9000, True)

    def test_a_predictor_without_a_known_name_is_still_said(self) -> None:
        assert self.serve({"image": "mine"}, runtime="nowhere").problem


class TestNamesThatCannotBeSet:
    def test_no_runtime_of_that_name(self) -> None:
        served = serve_model("sklearn", runtime="nowhere")
        assert added(served) == {}
        assert served.problem == (
            "no runtime is known that serves the format sklearn, so its server is not told the name iris; "
            "name one in predictor.model.runtime, or set --model_name=iris in predictor.model.args"
        )

    def test_no_runtime_for_the_format(self) -> None:
        assert (
            "the format onnx" in serve({"model": {"modelFormat": {"name": "onnx"}}}, *read_shipped()).problem
        )

    @pytest.mark.parametrize("predictor", [{}, {"minReplicas": 1}, {"model": None}, {"model": []}], ids=str)
    def test_no_model(self, predictor: Body) -> None:
        served = serve(predictor)
        assert served.template == {"predictor": predictor}
        assert served.problem == (
            "the template has no predictor.model; tell its server to serve the name iris"
        )

    def test_a_runtime_of_another_namespace_is_none(self) -> None:
        model = {"modelFormat": {"name": "sklearn"}, "runtime": "kserve-sklearnserver"}
        elsewhere = make_object(
            "serving.kserve.io/v1alpha1",
            "ServingRuntime",
            "kserve-sklearnserver",
            "elsewhere",
            spec={"containers": [{"args": [f"--model_name={PLACEHOLDER}"]}]},
        )
        read = to_serving_runtime(elsewhere)
        assert isinstance(read, ServingRuntime)
        assert serve({"model": model}, read).problem
        assert not serve({"model": model}, read, namespace="elsewhere").problem


def container_port(number: int, name: str = "") -> Body:
    return {"containerPort": number, "protocol": "TCP", **({"name": name} if name else {})}


@pytest.mark.parametrize(
    ("fields", "in_runtime", "expected"),
    [
        ({}, [], (8080, False)),
        ({"protocolVersion": "v2"}, [], (8080, False)),
        ({"protocolVersion": "grpc-v2"}, [], (8081, True)),
        ({"ports": [container_port(8081, "h2c")]}, [], (8081, True)),
        ({"ports": [container_port(9000, "grpc")]}, [], (9000, True)),
        ({"ports": [container_port(9090)]}, [], (9090, False)),
        ({"ports": [container_port(9090, "http1"), container_port(9091, "http")]}, [], (9090, False)),
        ({"ports": [container_port(8080, "http1"), container_port(9000, "h2c")]}, [], (9000, True)),
        ({}, [container_port(7000, "http")], (7000, False)),
        ({}, [container_port(7001, "h2c")], (7001, True)),
        ({}, [container_port(7001, "h2c"), container_port(7000, "http")], (7000, False)),
        (
            {"protocolVersion": "grpc-v2"},
            [container_port(7000, "http"), container_port(7001, "h2c")],
            (7001, True),
        ),
        ({"protocolVersion": "grpc-v2"}, [container_port(7000, "http")], (8081, True)),
        ({"ports": [container_port(9090)]}, [container_port(7001, "h2c")], (9090, False)),
        ({"ports": [{"name": "h2c"}]}, [], (8080, False)),
    ],
    ids=str,
)
def test_requests_go_to_the_port_that_the_server_listens_on(
    fields: Body, in_runtime: list[Body], expected: tuple[int, bool]
) -> None:
    container = {"args": [f"--model_name={PLACEHOLDER}"], "ports": in_runtime}
    runtime = make_runtime("own", "sklearn", container)
    served = serve({"model": {"modelFormat": {"name": "sklearn"}, "runtime": "own", **fields}}, runtime)
    assert (served.port, served.grpc) == expected
    custom = serve({"containers": [{"image": "mine", **fields}]})
    if not in_runtime:
        assert (custom.port, custom.grpc) == expected
