"""The fields that are read from KServe's objects and from Namespaces, as they are on the wire."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from meshsplit.api.wire import Metadata, Utf8, Wire

FRAMEWORKS = (
    "huggingface",
    "lightgbm",
    "onnx",
    "paddle",
    "pmml",
    "pytorch",
    "sklearn",
    "tensorflow",
    "triton",
    "xgboost",
)
"""KServe's legacy spelling of a model format: a field of the predictor (PredictorSpec)."""


class EnvVar(Wire):
    """One variable; without a value it comes from somewhere that is not read here."""

    name: Utf8 = ""
    value: Utf8 = ""


class Port(Wire):
    """A port that a container declares."""

    name: Utf8 = ""
    container_port: int = 0


class Container(Wire):
    """What decides under which name, protocol and port a container serves."""

    args: list[Utf8] = Field(default_factory=list)
    env: list[EnvVar] = Field(default_factory=list)
    ports: list[Port] = Field(default_factory=list)
    protocol_version: Utf8 | None = None


class ModelFormat(Wire):
    """A model format with an optional version."""

    name: Utf8
    version: Utf8 | None = None


class ModelSpec(Container):
    """The `model` of a predictor."""

    model_format: ModelFormat | None = None
    runtime: Utf8 | None = None


class Component(Wire):
    """A transformer."""

    containers: list[Container] = Field(default_factory=list)


class Predictor(Component):
    """The predictor: a model, a framework in the legacy spelling, or the user's own containers."""

    model: ModelSpec | None = None
    canary_traffic_percent: int | None = None
    huggingface: Container | None = None
    lightgbm: Container | None = None
    onnx: Container | None = None
    paddle: Container | None = None
    pmml: Container | None = None
    pytorch: Container | None = None
    sklearn: Container | None = None
    tensorflow: Container | None = None
    triton: Container | None = None
    xgboost: Container | None = None

    def frameworks(self) -> Iterator[tuple[str, Container]]:
        """The frameworks that are set, in order of name."""
        for name in FRAMEWORKS:
            container = getattr(self, name)
            if container is not None:
                yield name, container


class InferenceServiceSpec(Wire):
    """The spec of an InferenceService."""

    predictor: Predictor = Field(default_factory=Predictor)
    transformer: Component | None = None
    canary: Any = None


class Condition(Wire):
    """One condition of a status."""

    type: Utf8
    status: Utf8


class ModelStates(Wire):
    """What ModelMesh does with the model."""

    active_model_state: Utf8 = ""


class ModelStatus(Wire):
    """The status of the model, apart from that of its InferenceService."""

    states: ModelStates = Field(default_factory=ModelStates)


class Address(Wire):
    """Where the InferenceService answers inside the cluster."""

    url: Utf8 = ""


class InferenceServiceStatus(Wire):
    """The status of an InferenceService."""

    conditions: list[Condition] = Field(default_factory=list)
    model_status: ModelStatus = Field(default_factory=ModelStatus)
    address: Address = Field(default_factory=Address)


class InferenceServiceBody(Wire):
    """An InferenceService."""

    metadata: Metadata
    spec: InferenceServiceSpec = Field(default_factory=InferenceServiceSpec)
    status: InferenceServiceStatus = Field(default_factory=InferenceServiceStatus)


class SupportedModelFormat(ModelFormat):
    """One format that a runtime serves; `auto_select` lets a model choose the runtime by it."""

    auto_select: bool = False
    priority: int | None = None


class ServingRuntimeSpec(Wire):
    """The spec of a ServingRuntime or ClusterServingRuntime."""

    disabled: bool = False
    multi_model: bool = False
    protocol_versions: list[Utf8] = Field(default_factory=list)
    supported_model_formats: list[SupportedModelFormat] = Field(default_factory=list)
    containers: list[Container] = Field(default_factory=list)


class ServingRuntimeBody(Wire):
    """A ServingRuntime or ClusterServingRuntime."""

    metadata: Metadata
    spec: ServingRuntimeSpec = Field(default_factory=ServingRuntimeSpec)


class NamespaceBody(Wire):
    """A Namespace."""

    metadata: Metadata
