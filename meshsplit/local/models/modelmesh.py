"""How ModelMesh finds the model of a gRPC call (ModelMeshApi.startCall and getModelIdsFromHeaders upstream).

Not emulated: the parallel call of several models that a repeated header starts, concrete model ids
(`mm-model-id`, made by ModelMesh itself), and the `-bin` forms of both headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from meshsplit.local.models.rpc import Refusal

if TYPE_CHECKING:
    from meshsplit.local.models.rpc import Metadata

_MODEL_HEADER = "mm-model-id"
_VMODEL_HEADER = "mm-vmodel-id"


def pick_by_payload_or_header(payload_name: str, metadata: Metadata) -> str | Refusal:
    """The payload's name; the headers are read, and can be wrong, only where it is empty."""
    if payload_name:
        return payload_name
    named = [(key, str(value)) for key, value in metadata if key in (_MODEL_HEADER, _VMODEL_HEADER)]
    if not named:
        return _refuse(f"the payload names no model and there is no {_VMODEL_HEADER} header")
    if len({key for key, _ in named}) > 1:
        return _refuse(f"must include only one of {_MODEL_HEADER} and {_VMODEL_HEADER}")
    if len(named) > 1:
        return _refuse(
            f"{len(named)} values of {named[0][0]}: this stand-in does not call models in parallel"
        )
    key, value = named[0]
    if not value:
        return _refuse(f"the {key} header must not be empty")
    if key == _MODEL_HEADER:
        return Refusal(
            grpc.StatusCode.NOT_FOUND, f"no concrete model {value}; {_VMODEL_HEADER} takes a model's name"
        )
    return value


def _refuse(details: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, details)
