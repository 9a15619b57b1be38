"""What a model server is asked to serve, and where it does; no dependency beyond the standard library."""

from __future__ import annotations

from dataclasses import dataclass

# What a serving is known by: its namespace and its InferenceService, None for the ModelMesh service.
ServingKey = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class ModelMeshServing:
    """The ModelMesh service of one namespace: one REST and one gRPC port for all of its models."""

    namespace: str
    models: tuple[str, ...]

    @property
    def key(self) -> ServingKey:
        """(namespace, None): a namespace has one such service, whatever models it holds."""
        return self.namespace, None


@dataclass(frozen=True, slots=True)
class StandardServing:
    """One InferenceService with ports of its own: HTTP/1.1 REST, and gRPC (h2c).

    `served_name` is the model's name in paths and payloads; InferenceServices may share one. `model_format`
    is what the InferenceService calls it, "" when it says nothing.
    """

    namespace: str
    isvc: str
    served_name: str
    model_format: str = ""

    @property
    def key(self) -> ServingKey:
        """(namespace, isvc)."""
        return self.namespace, self.isvc


Serving = ModelMeshServing | StandardServing


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports on 127.0.0.1 of one serving, and the id of the process that listens there.

    On `metrics` a ModelMesh service shows its counters (GET /metrics); no other serving does.
    """

    rest: int
    grpc: int
    metrics: int | None
    pid: int


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How one InferenceService answers inference requests.

    A share `failing` (0 to 1) of them fails, with HTTP status 500 or gRPC status INTERNAL, drawn from `seed`;
    each takes `delay_seconds` longer. With a `delay_spread` that is the median of a log-normal delay, and the
    spread is the standard deviation of its logarithm.
    """

    namespace: str
    isvc: str
    failing: float = 0.0
    delay_seconds: float = 0.0
    delay_spread: float = 0.0
    seed: int = 0
