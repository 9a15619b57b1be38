"""KServe's V1 protocol and the health paths of a member of its own.

The model is the identity: the predictions are the instances, and so are the explanations.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.routing import Route

from meshsplit.local.models.rest import find_model, observed, read_object, to_response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from meshsplit.local.models.catalog import Catalog


def make_v1_routes(catalog: Catalog) -> list[Route]:
    """The paths below /v1/models, /healthz and /."""

    async def predict(request: Request) -> Response:
        model, served_by = find_model(catalog, request)
        instances = _to_instances(await read_object(request))
        return to_response({"model_name": model, "predictions": instances}, served_by)

    async def explain(request: Request) -> Response:
        model, served_by = find_model(catalog, request)
        instances = _to_instances(await read_object(request))
        return to_response({"model_name": model, "explanations": instances}, served_by)

    async def ready(request: Request) -> Response:
        model, served_by = find_model(catalog, request)
        return to_response({"name": model, "ready": True}, served_by)

    async def models(_request: Request) -> Response:
        return to_response({"models": sorted(catalog.names)}, catalog.sole)

    async def healthy(_request: Request) -> Response:
        return to_response({"status": "alive"}, catalog.sole)

    return [
        Route("/v1/models/{model}:predict", observed(catalog, predict), methods=["POST"]),
        Route("/v1/models/{model}:explain", observed(catalog, explain), methods=["POST"]),
        Route("/v1/models/{model}", ready),
        Route("/v1/models", models),
        Route("/healthz", healthy),
        Route("/", healthy),
    ]


def _to_instances(body: dict[str, Any]) -> list[Any]:
    """V1's row format `instances` or column format `inputs`; 400 when there is no list in either."""
    instances = body.get("instances", body.get("inputs"))
    if not isinstance(instances, list):
        raise HTTPException(HTTPStatus.BAD_REQUEST, 'the body lacks "instances" or "inputs", a list')
    return instances
