"""The gRPC half of the Open Inference Protocol, for a ModelMesh service and for a member of its own.

The model is the identity, as in REST. A request without inputs is answered without outputs: on the wire,
none and missing are one.
"""
# ruff: noqa: N802 -- the protocol names the methods

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import grpc

from meshsplit import __version__
from meshsplit.local.models.catalog import SERVED_BY
from meshsplit.local.models.conduct import OK
from meshsplit.local.models.protocol import grpc_predict_v2_pb2 as protocol
from meshsplit.local.models.v2 import PLATFORM, SERVER_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meshsplit.local.models.catalog import Catalog

    Metadata = Iterable[tuple[str, str | bytes]]
    Context = grpc.aio.ServicerContext[Any, Any]


class Refusal(NamedTuple):
    """Why a call names no model."""

    code: grpc.StatusCode
    details: str


def pick_by_payload(payload_name: str, _metadata: Metadata) -> str | Refusal:
    """The rule of a member of its own: the payload names the model, headers mean nothing."""
    return payload_name


class InferenceService:
    """GRPCInferenceService for the models of `catalog`.

    `pick` finds the model's name in a call's payload and headers.
    """

    def __init__(self, catalog: Catalog, pick: Callable[[str, Metadata], str | Refusal]) -> None:
        self._catalog = catalog
        self._pick = pick

    async def ServerLive(
        self, _request: protocol.ServerLiveRequest, context: Context
    ) -> protocol.ServerLiveResponse:
        """Always live."""
        await self._name_member(context, self._catalog.sole)
        return protocol.ServerLiveResponse(live=True)

    async def ServerReady(
        self, _request: protocol.ServerReadyRequest, context: Context
    ) -> protocol.ServerReadyResponse:
        """Always ready."""
        await self._name_member(context, self._catalog.sole)
        return protocol.ServerReadyResponse(ready=True)

    async def ServerMetadata(
        self, _request: protocol.ServerMetadataRequest, context: Context
    ) -> protocol.ServerMetadataResponse:
        """Our own name and version."""
        await self._name_member(context, self._catalog.sole)
        return protocol.ServerMetadataResponse(name=SERVER_NAME, version=__version__)

    async def ModelReady(
        self, request: protocol.ModelReadyRequest, context: Context
    ) -> protocol.ModelReadyResponse:
        """Ready, or NOT_FOUND."""
        await self._find(request.name, context)
        return protocol.ModelReadyResponse(ready=True)

    async def ModelMetadata(
        self, request: protocol.ModelMetadataRequest, context: Context
    ) -> protocol.ModelMetadataResponse:
        """The name of the model that would serve the same call of ModelInfer."""
        name = await self._find(request.name, context)
        versions = [request.version] if request.version else []
        return protocol.ModelMetadataResponse(name=name, versions=versions, platform=PLATFORM)

    async def ModelInfer(
        self, request: protocol.ModelInferRequest, context: Context
    ) -> protocol.ModelInferResponse:
        """Each input as an output, raw contents as raw contents."""
        name = await self._find(request.model_name, context)
        isvc = self._catalog.names.get(name, name)
        with self._catalog.conduct.counting(isvc) as ending:
            if await self._catalog.conduct.is_failing(isvc):
                await context.abort(grpc.StatusCode.INTERNAL, f"{isvc} was told to fail")
            response = _echo(name, request)
            ending.code = OK
        return response

    async def _find(self, payload_name: str, context: Context) -> str:
        """The call's model, its member named in the initial metadata; aborts the call when there is none."""
        picked = self._pick(payload_name, context.invocation_metadata() or ())
        if isinstance(picked, Refusal):
            await context.abort(picked.code, picked.details)
        served_by = self._catalog.names.get(picked)
        if served_by is None:
            await self._name_member(context, self._catalog.sole)
            await context.abort(grpc.StatusCode.NOT_FOUND, f"model {picked} not found")
        await self._name_member(context, served_by)
        return picked

    async def _name_member(self, context: Context, served_by: str | None) -> None:
        if served_by is not None:
            await context.send_initial_metadata(((SERVED_BY, served_by),))


def _echo(name: str, request: protocol.ModelInferRequest) -> protocol.ModelInferResponse:
    response = protocol.ModelInferResponse(
        model_name=name,
        model_version=request.model_version,
        id=request.id,
        raw_output_contents=request.raw_input_contents,
    )
    for tensor in request.inputs:
        output = response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if tensor.HasField("contents"):
            output.contents.CopyFrom(tensor.contents)
    return response
