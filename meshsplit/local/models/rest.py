"""What every REST endpoint shares: JSON in, JSON out, the member's name on each answer, errors as JSON."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from meshsplit.local.models.catalog import SERVED_BY
from meshsplit.local.models.conduct import INTERNAL, OK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from meshsplit.local.models.catalog import Catalog

    Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(catalog: Catalog, routes: Sequence[BaseRoute]) -> Starlette:
    """Serve `routes`, the first match wins; what none of them answers is `{"error": ...}` as in V2."""

    async def refuse(_request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return to_response({"error": error.detail}, catalog.sole, error.status_code, error.headers)
        # ClientDisconnect: nobody is left to read it.
        return to_response({"error": "the client went away"}, catalog.sole, HTTPStatus.BAD_REQUEST)

    app = Starlette(routes=routes, exception_handlers={HTTPException: refuse, ClientDisconnect: refuse})
    app.router.redirect_slashes = False
    return app


def to_response(
    body: object, served_by: str | None, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """`body` as JSON; ValueError when it holds a number JSON has no form for."""
    response = Response(
        json.dumps(body, allow_nan=False, separators=(",", ":")),
        status,
        headers,
        media_type="application/json",
    )
    if served_by is not None:
        response.headers[SERVED_BY] = served_by
    return response


def find_model(catalog: Catalog, request: Request) -> tuple[str, str]:
    """The path's model and the InferenceService that answers for it; 404 when there is none."""
    name: str = request.path_params["model"]
    served_by = catalog.names.get(name)
    if served_by is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"model {name} not found")
    return name, served_by


_CODES = {
    HTTPStatus.BAD_REQUEST: "INVALID_ARGUMENT",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
}


def observed(catalog: Catalog, endpoint: Endpoint) -> Endpoint:
    """The endpoint, counted, and failing or slow as it was told to be; a model nobody has is not counted."""

    async def answer(request: Request) -> Response:
        isvc = catalog.names.get(request.path_params.get("model", ""), catalog.sole)
        if isvc is None:
            return await endpoint(request)
        with catalog.conduct.counting(isvc) as ending:
            try:
                await _conduct(catalog, isvc)
                response = await endpoint(request)
            except HTTPException as refused:
                ending.code = _to_code(refused.status_code)
                raise
            ending.code = _to_code(response.status_code)
            return response

    return answer


async def _conduct(catalog: Catalog, isvc: str) -> None:
    if await catalog.conduct.is_failing(isvc):
        raise HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR, f"{isvc} was told to fail")


def _to_code(status: int) -> str:
    if status < HTTPStatus.BAD_REQUEST:
        return OK
    return _CODES.get(HTTPStatus(status), INTERNAL)


async def read_object(request: Request) -> dict[str, Any]:
    """The body's JSON object whatever its Content-Type (`curl -d` calls it a form); 400 when it is none."""
    try:
        # Decoded here: `json` would take UTF-16 and UTF-32 as well.
        body = _DECODER.decode((await request.body()).decode())
    except (ValueError, RecursionError) as malformed:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {malformed}") from malformed
    if not isinstance(body, dict):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
    return body


def _refuse_number(number: str) -> NoReturn:
    raise ValueError(f"{number} is not a JSON number")


def _to_float(number: str) -> float:
    value = float(number)
    if value in (float("inf"), float("-inf")):
        _refuse_number(number)
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse_number, parse_float=_to_float)
