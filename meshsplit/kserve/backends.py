"""Where the requests of one InferenceService go, by deployment mode, and under which name it serves."""

import re
from functools import lru_cache

from meshsplit.kserve import keys
from meshsplit.kserve.objects import InferenceService, ServingRuntime
from meshsplit.model import DeploymentMode, Endpoint, Member

# ModelMesh's Service, one in each namespace, and its two ports (modelmesh-serving config/default).
_MODELMESH_SERVICE = "modelmesh-serving"
_MODELMESH_REST_PORT = 8008
_MODELMESH_GRPC_PORT = 8033
_PREDICTOR_PORT = 80
_REMEMBERED = 256
"""Namespaces whose endpoints are kept: their models share them."""

_NAME_PLACEHOLDER = re.compile(r"\{\{\s*\.Name\s*\}\}")
"""KServe fills Go templates in a container from the InferenceService's metadata (ReplacePlaceholders)."""


def to_member(service: InferenceService, runtime: ServingRuntime | None) -> Member:
    """The InferenceService as a member of a group; `runtime` is the one it names itself, if that is known."""
    rest, grpc = to_endpoints(service)
    return Member(
        name=service.name,
        mode=service.mode,
        served_name=to_served_name(service, runtime),
        rest=rest,
        grpc=grpc,
        ready=service.ready,
    )


def to_endpoints(service: InferenceService) -> tuple[Endpoint | None, Endpoint | None]:
    """The endpoints for REST and for gRPC; None for a protocol that the backend does not speak."""
    if service.mode is DeploymentMode.MODEL_MESH:
        return to_modelmesh_endpoints(service.namespace)
    component = "predictor" if service.transformer_args is None else "transformer"
    host = f"{service.name}-{component}.{service.namespace}.svc.cluster.local"
    endpoint = service.address or Endpoint(host, _PREDICTOR_PORT)
    if service.mode is DeploymentMode.KNATIVE:
        endpoint = Endpoint(endpoint.host, endpoint.port, authority=endpoint.host)
    speaks_rest = not (service.protocol or "").startswith("grpc")
    return (endpoint if speaks_rest else None), endpoint


@lru_cache(_REMEMBERED)
def to_modelmesh_endpoints(namespace: str) -> tuple[Endpoint, Endpoint]:
    """Where ModelMesh answers for every model of a namespace: REST, gRPC."""
    host = f"{_MODELMESH_SERVICE}.{namespace}.svc.cluster.local"
    return Endpoint(host, _MODELMESH_REST_PORT), Endpoint(host, _MODELMESH_GRPC_PORT)


def to_served_name(service: InferenceService, runtime: ServingRuntime | None) -> str:
    """The model's name in paths and messages: KServe's GetModelName, with the named runtime's own arguments.

    A transformer's arguments come first, then MLServer's variable, then the arguments of the model server,
    which KServe appends to those of the runtime. ModelMesh knows a model by its InferenceService's name.
    """
    if service.mode is DeploymentMode.MODEL_MESH:
        return service.name
    in_runtime = runtime.args if runtime is not None else ()
    return (
        _named_in(service.transformer_args or (), service)
        or service.mlserver_name
        or _named_in((*in_runtime, *service.args), service)
        or service.name
    )


def _named_in(arguments: tuple[str, ...], service: InferenceService) -> str:
    """The last --model_name, written as one argument or as two; "" without one."""
    name = ""
    for index, argument in enumerate(arguments):
        key, equals, value = argument.partition("=")
        if key != keys.MODEL_NAME_ARGUMENT:
            continue
        following = arguments[index + 1 : index + 2]
        name = value if equals else (following[0] if following else name)
    return _NAME_PLACEHOLDER.sub(service.name, name)
