"""The HTTP skin: one ASGI application over one store, in one event loop."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from meshsplit.local.apiserver.discovery import discover
from meshsplit.local.apiserver.dispatch import apply
from meshsplit.local.apiserver.faults import Fault, Faults
from meshsplit.local.apiserver.requests import Target, to_operation, to_target
from meshsplit.local.apiserver.status import Refused
from meshsplit.local.apiserver.stream import Bells, Stream
from meshsplit.local.apiserver.tables import to_partial, to_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from meshsplit.local.apiserver.dispatch import Events
    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.operation import Answer, Operation
    from meshsplit.local.apiserver.store import Store

_HEALTH = ("/healthz", "/livez", "/readyz")
_NOT_FOUND = "404 page not found\n"


class Application:
    """Answers Kubernetes API requests; `keep` is called with every change before it is answered."""

    def __init__(self, store: Store, faults: Faults, keep: Callable[[Events], None]) -> None:
        self._store = store
        self._faults = faults
        self._keep = keep
        self.bells = Bells()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI request."""
        request = Request(scope, receive)
        body = await request.body()
        try:
            response = await self._respond(request, body)
        except Refused as refused:
            response = _to_response(refused.code, refused.body, retry_after=_retry_after(refused))
        await response(scope, receive, send)

    async def _respond(self, request: Request, body: bytes) -> Response:
        path = request.url.path
        watch = request.query_params.get("watch") in ("true", "1")
        fault = self._faults.take(request.method, path, watch=watch)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.code:
                raise fault.refusal()
        target = to_target(path, self._store.registry)
        if target is not None:
            return self._serve(request, target, body, fault if watch else None)
        document = discover(self._store, path)
        if document is not None:
            return _to_response(200, document)
        if path in _HEALTH:
            return PlainTextResponse("ok")
        return PlainTextResponse(_NOT_FOUND, status_code=404)

    def _serve(self, request: Request, target: Target, body: bytes, fault: Fault | None) -> Response:
        op = to_operation(request.method, target, request.query_params, request.headers, body)
        if request.method == "GET" and request.query_params.get("watch") in ("true", "1"):
            render = _Rendering(self._store, op, request)
            stream = Stream(self._store, op, request.query_params, self.bells, render.event, fault)
            return StreamingResponse(stream.lines(), media_type="application/json")
        answer = self.apply(op)
        shown = _Rendering(self._store, op, request).answer(answer)
        return _to_response(answer.code, shown, warnings=answer.warnings)

    def apply(self, op: Operation) -> Answer:
        """Run an operation, keep what it changed and tell the watches; only in the server's event loop."""
        answer, events = apply(self._store, op)
        if events:
            self._keep(events)
            self.bells.ring({resource for resource, _ in events})
        return answer


class _Rendering:
    """How a client wants to see objects: as they are, as table rows, or their metadata alone."""

    def __init__(self, store: Store, op: Operation, request: Request) -> None:
        self._store = store
        self._op = op
        wanted = request.headers.get("accept", "").split(",")[0]
        self._table = "as=Table" in wanted
        self._partial = "as=PartialObjectMetadata" in wanted
        self._include = request.query_params.get("includeObject", "Metadata")
        self._headed = False

    def answer(self, answer: Answer) -> Json:
        body = answer.body
        if body.get("kind") in ("Status", "Scale"):
            return body
        items = body["items"] if "items" in body and self._op.verb in ("list", "deletecollection") else None
        if self._table:
            rows = [body] if items is None else items
            head = {
                key: body["metadata"][key]
                for key in ("resourceVersion", "continue")
                if key in body["metadata"]
            }
            return {**self._to_table(rows), "metadata": head}
        if self._partial and items is None:
            return to_partial(body)
        if self._partial and items is not None:
            kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return {**body, **kind, "items": [to_partial(item) for item in items]}
        return body

    def event(self, kind: str, body: Json) -> Json:
        """The object of a watch event."""
        if kind == "ERROR":
            return body
        if self._table:
            table = self._to_table([{**body, "metadata": {"name": "", **body["metadata"]}}])
            if self._headed:
                table["columnDefinitions"] = None
            if kind == "BOOKMARK":
                table = {**table, "rows": [], "metadata": body["metadata"]}
            else:
                self._headed = True
            return table
        return to_partial(body) if self._partial else body

    def _to_table(self, items: list[Json]) -> Json:
        return to_table(items, self._op.resource, self._store.clock(), self._include)


def _retry_after(refused: Refused) -> int:
    return int((refused.body.get("details") or {}).get("retryAfterSeconds", 0))


def _to_response(code: int, body: Json, warnings: tuple[str, ...] = (), retry_after: int = 0) -> Response:
    content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    response = Response(content, status_code=code, media_type="application/json")
    for text in warnings:
        response.headers.append("Warning", f"299 - {json.dumps(text)}")
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response
