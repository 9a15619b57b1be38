"""The OpenAI-style endpoints of a member of its own: the model's name is in the body, never in the path.

The model is the identity: a completion is its prompt, a chat answer the last message. Streams are refused.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.routing import Route

from meshsplit.local.models.rest import observed, read_object, to_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from meshsplit.local.models.catalog import Catalog

# KServe's runtimes serve below /openai; vLLM and other servers of their own without it.
_PREFIXES = ("/openai/v1", "/v1")


def make_openai_routes(catalog: Catalog) -> list[Route]:
    """/openai/v1/models, and both kinds of completion below /openai/v1 and /v1."""

    async def models(_request: Request) -> Response:
        listed = [
            {"id": name, "object": "model", "owned_by": catalog.names[name]} for name in sorted(catalog.names)
        ]
        return to_response({"object": "list", "data": listed}, catalog.sole)

    async def completions(request: Request) -> Response:
        return await _complete(catalog, request, "text_completion", _to_text_choices)

    async def chat(request: Request) -> Response:
        return await _complete(catalog, request, "chat.completion", _to_chat_choices)

    routes = [Route("/openai/v1/models", models)]
    for prefix in _PREFIXES:
        routes.append(Route(f"{prefix}/completions", observed(catalog, completions), methods=["POST"]))
        routes.append(Route(f"{prefix}/chat/completions", observed(catalog, chat), methods=["POST"]))
    return routes


async def _complete(
    catalog: Catalog,
    request: Request,
    kind: str,
    to_choices: Callable[[dict[str, Any]], list[dict[str, Any]]],
) -> Response:
    try:
        body = await read_object(request)
        model = _to_model(catalog, body)
        choices = to_choices(body)
    except HTTPException as refused:
        # OpenAI clients read an object where V2 clients read a string.
        error = {
            "message": refused.detail,
            "type": HTTPStatus(refused.status_code).phrase,
            "code": refused.status_code,
        }
        return to_response({"error": error}, catalog.sole, refused.status_code)
    answer = {"id": "echo", "object": kind, "created": int(time.time()), "model": model, "choices": choices}
    return to_response(answer, catalog.sole)


def _to_model(catalog: Catalog, body: dict[str, Any]) -> str:
    """The body's `model`; 404 when it is not served, 400 when the body asks for a stream."""
    model = body.get("model")
    if not isinstance(model, str) or model not in catalog.names:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"the model {model} does not exist")
    if body.get("stream"):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "this stand-in does not stream")
    return model


def _to_text_choices(body: dict[str, Any]) -> list[dict[str, Any]]:
    prompts = body.get("prompt")
    if isinstance(prompts, str):
        prompts = [prompts]
    if not isinstance(prompts, list):
        raise HTTPException(HTTPStatus.BAD_REQUEST, 'the body lacks "prompt", a string or a list of them')
    return [
        {"index": index, "text": prompt, "finish_reason": "stop", "logprobs": None}
        for index, prompt in enumerate(prompts)
    ]


def _to_chat_choices(body: dict[str, Any]) -> list[dict[str, Any]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, 'the body lacks "messages", a list with at least one message'
        )
    answer = {"role": "assistant", "content": messages[-1].get("content")}
    return [{"index": 0, "message": answer, "finish_reason": "stop"}]
