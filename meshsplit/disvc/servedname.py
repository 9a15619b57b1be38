"""Every replica of every version serves the DistributedInferenceService's name, so that no path is rewritten.

How a server is told depends on its runtime. KServe appends an InferenceService's arguments to the runtime's,
where the last of two wins, and keeps a variable that is set already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from meshsplit.kserve import keys
from meshsplit.kserve.autoselect import choose_runtime, find_named
from meshsplit.kserve.objects import ServingRuntime
from meshsplit.kserve.schema import FRAMEWORKS

_VLLM_ARGUMENT = "--served-model-name"
_ARGUMENTS = (keys.MODEL_NAME_ARGUMENT, _VLLM_ARGUMENT)
_MLSERVER = "mlserver"
_PLACEHOLDER = "{{"
"""What begins so is filled in by KServe, with the InferenceService's name."""

_V2_FRAMEWORKS = ("huggingface", "onnx", "triton")
_V2_FORMATS = ("triton",)
"""Without a protocolVersion KServe asks for v2 where these are a predictor's field, or a model's format
(setPredictorModelDefaults)."""

_GRPC_PORTS = ("h2c", "grpc")
"""KServe's names of a port that speaks gRPC."""

REST_PORT, GRPC_PORT = 8080, 8081
"""Where a server listens that declares no port (KServe's defaults)."""

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Served:
    """The template as it is given to KServe, and the port that its server listens on.

    `problem` says why its name could not be set, and what to do; "" when it is, or need not be.
    """

    template: Fields
    port: int
    grpc: bool
    problem: str = ""


def serve_as(
    name: str, template: Mapping[str, Any], namespace: str, runtimes: Sequence[ServingRuntime]
) -> Served:
    """Let the template's servers answer to `name`; what the user set wins."""
    template = _name_transformer(name, template)
    served = _serve_predictor(name, template, namespace, runtimes)
    entry = _list(_mapping(template.get("transformer")).get("containers"))
    if not entry:
        return served
    port, grpc = _find_port(_mapping(entry[0]), None, "")  # requests come in by the transformer
    return replace(served, port=port, grpc=grpc)


def has_component(template: Mapping[str, Any], component: str) -> bool:
    """Whether KServe runs a transformer or an explainer for it, too, in pods of their own."""
    return bool(_mapping(template.get(component)))


def _name_transformer(name: str, template: Mapping[str, Any]) -> Fields:
    """KServe tells a transformer its InferenceService's name, unless its arguments name one already."""
    transformer = _mapping(template.get("transformer"))
    containers = [_mapping(each) for each in _list(transformer.get("containers"))]
    arguments = _strings(containers[0].get("args")) if containers else []
    if not containers or _is_set(_value_of(keys.MODEL_NAME_ARGUMENT, arguments)):
        return dict(template)
    named = {**containers[0], "args": [*arguments, f"{keys.MODEL_NAME_ARGUMENT}={name}"]}
    return {**template, "transformer": {**transformer, "containers": [named, *containers[1:]]}}


def _serve_predictor(
    name: str, template: Mapping[str, Any], namespace: str, runtimes: Sequence[ServingRuntime]
) -> Served:
    predictor = _mapping(template.get("predictor"))
    found = _find_model(predictor)
    if found is None and _list(predictor.get("containers")):
        return _serve_custom(name, template, predictor)
    if found is None:
        return Served(dict(template), REST_PORT, grpc=False, problem=_no_model(name))
    field, model, model_format, version = found
    protocol = _find_protocol(field, model, model_format)
    runtime = _find_runtime(_text(model.get("runtime")), model_format, version, protocol, namespace, runtimes)
    port, grpc = _find_port(model, runtime, protocol)
    if _is_named(model):
        return Served(dict(template), port, grpc)
    if runtime is None:
        return Served(dict(template), port, grpc, problem=_no_runtime(name, model_format))
    named = {**template, "predictor": {**predictor, field: _name_model(name, model, runtime)}}
    return Served(named, port, grpc)


def _serve_custom(name: str, template: Mapping[str, Any], predictor: Mapping[str, Any]) -> Served:
    """A container of the user's own takes the argument only if it takes it already."""
    first, *others = [_mapping(each) for each in _list(predictor.get("containers"))]
    port, grpc = _find_port(first, None, _text(first.get("protocolVersion")))
    arguments = _strings(first.get("args"))
    value = _value_of(keys.MODEL_NAME_ARGUMENT, arguments)
    if value is None or _is_set(value):
        return Served(dict(template), port, grpc)
    renamed = {**first, "args": [*arguments, f"{keys.MODEL_NAME_ARGUMENT}={name}"]}
    return Served({**template, "predictor": {**predictor, "containers": [renamed, *others]}}, port, grpc)


def _find_model(predictor: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], str, str | None] | None:
    """The field, the model, its format and the version of that, in either of KServe's spellings."""
    model = _mapping(predictor.get("model"))
    if model:
        declared = _mapping(model.get("modelFormat"))
        return "model", model, _text(declared.get("name")), _text(declared.get("version")) or None
    for framework in FRAMEWORKS:
        if isinstance(predictor.get(framework), Mapping):
            return framework, predictor[framework], framework, None
    return None


def _find_protocol(field: str, model: Mapping[str, Any], model_format: str) -> str:
    """The protocol that is asked for, "" for KServe's usual one."""
    by_default = field in _V2_FRAMEWORKS or model_format in _V2_FORMATS
    return _text(model.get("protocolVersion")) or ("v2" if by_default else "")


def _find_runtime(
    named: str,
    model_format: str,
    version: str | None,
    protocol: str,
    namespace: str,
    runtimes: Sequence[ServingRuntime],
) -> ServingRuntime | None:
    if named:
        return find_named(named, namespace, runtimes)
    return choose_runtime(model_format, version, protocol or None, namespace, runtimes)


def _is_named(model: Mapping[str, Any]) -> bool:
    arguments = _strings(model.get("args"))
    if any(_is_set(_value_of(argument, arguments)) for argument in _ARGUMENTS):
        return True
    return any(_mapping(each).get("name") == keys.MLSERVER_MODEL_NAME for each in _list(model.get("env")))


def _name_model(name: str, model: Mapping[str, Any], runtime: ServingRuntime) -> Fields:
    if runtime.server_type == _MLSERVER:
        # Its container has no arguments: some here would stand in the place of the image's command.
        env = [*_list(model.get("env")), {"name": keys.MLSERVER_MODEL_NAME, "value": name}]
        return {**model, "env": env}
    taken = next((each for each in _ARGUMENTS if _value_of(each, runtime.args) is not None), None)
    if taken is None:
        return dict(model)  # its models are named where they are stored
    return {**model, "args": [*_strings(model.get("args")), f"{taken}={name}"]}


def _find_port(model: Mapping[str, Any], runtime: ServingRuntime | None, protocol: str) -> tuple[int, bool]:
    """The port to send requests to, and whether it speaks gRPC.

    A port that the model declares for gRPC says that it does; of a runtime's only when there is no other.
    """
    declared = [
        (_text(p.get("name")), p.get("containerPort")) for p in map(_mapping, _list(model.get("ports")))
    ]
    own = [(label, number) for label, number in declared if isinstance(number, int)]
    ports = own or list(runtime.ports if runtime is not None else ())
    spoken = [number for label, number in ports if label in _GRPC_PORTS]
    grpc = protocol.startswith("grpc") or bool(spoken and (own or len(spoken) == len(ports)))
    if grpc and spoken:
        return spoken[0], True
    rest = [number for label, number in ports if label not in _GRPC_PORTS]
    return (rest[0] if rest and not grpc else GRPC_PORT if grpc else REST_PORT), grpc


def _value_of(argument: str, arguments: Sequence[str]) -> str | None:
    """The last value of an argument, written as one word or as two; None when it is not there."""
    value = None
    for index, word in enumerate(arguments):
        key, equals, rest = word.partition("=")
        if key == argument:
            value = rest if equals else "".join(arguments[index + 1 : index + 2])
    return value


def _is_set(value: str | None) -> bool:
    """Whether it is a name, and none that KServe fills in."""
    return value is not None and not value.startswith(_PLACEHOLDER)


def _no_model(name: str) -> str:
    return f"the template has no predictor.model; tell its server to serve the name {name}"


def _no_runtime(name: str, model_format: str) -> str:
    wanted = f"the format {model_format}" if model_format else "it"
    return (
        f"no runtime is known that serves {wanted}, so its server is not told the name {name}; name one in "
        f"predictor.model.runtime, or set --model_name={name} in predictor.model.args"
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _strings(value: Any) -> list[str]:
    return [each for each in _list(value) if isinstance(each, str)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
