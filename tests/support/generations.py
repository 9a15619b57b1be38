"""What a VirtualService of ours does with requests, read from the object alone as a gateway would."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from meshsplit.controller.live import to_split
from meshsplit.istio import names
from meshsplit.istio.observed import annotation_of, is_made_here
from meshsplit.kube.port import FIELD_MANAGER
from meshsplit.model import Split

Body = Mapping[str, Any]
DIGITS = 3
"""Hex digits of a request id that decide, as the routes say it."""
BUCKETS = ["".join(digits) for digits in itertools.product("0123456789abcdef", repeat=DIGITS)]
BUCKET_HEADER = "x-request-id"


def split_of(body: Body) -> Split | None:
    """The split that a group's VirtualService says it serves."""
    return to_split(annotation_of(body, names.WEIGHTS) or "")


def check_generation(body: Body) -> None:
    """Any state of a VirtualService that anybody may see: whole weights, no request that falls through."""
    if not is_made_here(body) or annotation_of(body, names.MODEL_TAG) is None:
        return
    split = split_of(body)
    assert split is not None, f"no split in {body['metadata'].get('annotations')}"
    _check(json.dumps(body["spec"], sort_keys=True), split)


def last_manager(body: Body) -> str:
    """Who wrote an object last, as far as its managed fields tell; the controller among several at a time."""
    entries = body["metadata"].get("managedFields") or []
    latest = max(entries, key=lambda each: (each["time"], each["manager"] == FIELD_MANAGER), default=None)
    return str(latest["manager"]) if latest else ""


@lru_cache(maxsize=4096)
def _check(spec: str, split: Split) -> None:
    routes = json.loads(spec)["http"]
    for route in routes:
        weights = [each.get("weight") for each in route["route"]]
        if len(weights) > 1:
            assert sum(weights) == split.total, f"{route.get('name')}: {weights} of {split}"
            assert all(weight > 0 for weight in weights), f"{route.get('name')}: {weights}"
    for place, chain in _chains(routes).items():
        _check_buckets(place, chain, split)


def _chains(routes: list[dict[str, Any]]) -> dict[str, list[tuple[re.Pattern[str] | None, str]]]:
    """For every path the routes that are tried in order: the buckets each takes (None: all), its name."""
    chains: dict[str, list[tuple[re.Pattern[str] | None, str]]] = {}
    for route in routes:
        for match in route.get("match") or [{}]:
            headers = dict(match.get("headers") or {})
            bucket = headers.pop(BUCKET_HEADER, None)
            place = json.dumps({**match, "headers": headers}, sort_keys=True)
            taken = re.compile(bucket["regex"]) if bucket else None
            chains.setdefault(place, []).append((taken, str(route.get("name"))))
    return chains


def _check_buckets(place: str, chain: list[tuple[re.Pattern[str] | None, str]], split: Split) -> None:
    if len(chain) == 1:
        assert chain[0][0] is None, f"requests to {place} fall through"
        return
    found: Counter[str] = Counter()
    for bucket in BUCKETS:
        takers = (name for taken, name in chain if taken is None or taken.fullmatch(f"{bucket}0-rest"))
        taker = next(takers, None)
        assert taker is not None, f"bucket {bucket} of {place} falls through"
        found[taker] += 1
    for name, buckets in found.items():
        shares = [
            weight for member, weight in split.weights if re.search(rf"\.{re.escape(member)}(\.v1)?$", name)
        ]
        exact = max(shares) * len(BUCKETS) / split.total
        assert abs(buckets - exact) <= len(split.weights), f"{name} takes {buckets} buckets, should {exact}"
