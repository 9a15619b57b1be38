"""The counters of a ModelMesh service as text, in the shape of ModelMesh with `per_model_metrics=true`."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse
from starlette.routing import Route

from meshsplit.local.models.conduct import EDGES_MS

if TYPE_CHECKING:
    from starlette.requests import Request

    from meshsplit.local.models.catalog import Catalog
    from meshsplit.local.models.conduct import Histogram

_FAMILY = "modelmesh_api_request_milliseconds"
_METHOD = "inference.GRPCInferenceService/ModelInfer"
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def make_metrics_routes(catalog: Catalog) -> list[Route]:
    """GET /metrics."""

    async def metrics(_request: Request) -> PlainTextResponse:
        return PlainTextResponse(to_text(catalog), media_type=_CONTENT_TYPE)

    return [Route("/metrics", metrics)]


def to_text(catalog: Catalog) -> str:
    """Exposition text; models that were never asked have no series yet, as in ModelMesh."""
    lines = [f"# TYPE {_FAMILY} histogram"]
    for (isvc, code), histogram in sorted(catalog.conduct.counted.items()):
        labels = f'method="{_METHOD}",code="{code}",modelId="",vModelId="{isvc}"'
        lines += _to_lines(labels, histogram)
    return "\n".join(lines) + "\n"


def _to_lines(labels: str, histogram: Histogram) -> list[str]:
    cumulative = list(accumulate(histogram.buckets))
    edges = (*(f"{edge}.0" for edge in EDGES_MS), "+Inf")
    return [
        *(
            f'{_FAMILY}_bucket{{{labels},le="{edge}"}} {count}'
            for edge, count in zip(edges, cumulative, strict=True)
        ),
        f"{_FAMILY}_count{{{labels}}} {cumulative[-1]}",
        f"{_FAMILY}_sum{{{labels}}} {histogram.total_ms:.3f}",
    ]
