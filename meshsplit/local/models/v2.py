"""The REST half of the Open Inference Protocol (V2).

The model is the identity: every input tensor comes back as the output of the same name, datatype, shape and
data; requested outputs and parameters are ignored. A version named in the path is echoed, not looked up. The
binary tensor extension is not emulated.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.routing import Route

from meshsplit import __version__
from meshsplit.local.models.rest import find_model, observed, read_object, to_response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from meshsplit.local.models.catalog import Catalog

SERVER_NAME = "meshsplit-local"
PLATFORM = "echo"
_TENSOR_FIELDS = ("name", "datatype", "shape", "data")


def make_v2_routes(catalog: Catalog) -> list[Route]:
    """The paths below /v2, with and without a version."""

    async def infer(request: Request) -> Response:
        model, served_by = find_model(catalog, request)
        body = await read_object(request)
        answer = {"model_name": model, "outputs": _echo(body.get("inputs"))}
        if "version" in request.path_params:
            answer["model_version"] = request.path_params["version"]
        if "id" in body:
            answer["id"] = body["id"]
        return to_response(answer, served_by)

    async def metadata(request: Request) -> Response:
        model, served_by = find_model(catalog, request)
        answer = {"name": model, "platform": PLATFORM, "inputs": [], "outputs": []}
        if "version" in request.path_params:
            answer["versions"] = [request.path_params["version"]]
        return to_response(answer, served_by)

    async def ready(request: Request) -> Response:
        model, served_by = find_model(catalog, request)
        return to_response({"name": model, "ready": True}, served_by)

    async def server_metadata(_request: Request) -> Response:
        return to_response({"name": SERVER_NAME, "version": __version__, "extensions": []}, catalog.sole)

    async def server_live(_request: Request) -> Response:
        return to_response({"live": True}, catalog.sole)

    async def server_ready(_request: Request) -> Response:
        return to_response({"ready": True}, catalog.sole)

    model = "/v2/models/{model}"
    version = model + "/versions/{version}"
    return [
        Route(f"{model}/infer", observed(catalog, infer), methods=["POST"]),
        Route(f"{version}/infer", observed(catalog, infer), methods=["POST"]),
        Route(f"{model}/ready", ready),
        Route(f"{version}/ready", ready),
        Route(version, metadata),
        Route(model, metadata),
        Route("/v2", server_metadata),
        Route("/v2/health/live", server_live),
        Route("/v2/health/ready", server_ready),
    ]


def _echo(inputs: object) -> list[dict[str, Any]]:
    """The outputs for `inputs`; 400 unless it is a list of whole tensors."""
    if not isinstance(inputs, list):
        raise HTTPException(HTTPStatus.BAD_REQUEST, 'the body lacks "inputs", a list of tensors')
    outputs = []
    for index, tensor in enumerate(inputs):
        missing = [field for field in _TENSOR_FIELDS if not isinstance(tensor, dict) or field not in tensor]
        if missing:
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"inputs[{index}] lacks {', '.join(missing)}")
        outputs.append({field: tensor[field] for field in _TENSOR_FIELDS})
    return outputs
