"""One watch's lines without HTTP."""

import asyncio
import json

import pytest

from meshsplit.local.apiserver import stream
from meshsplit.local.apiserver.operation import Operation, Options
from meshsplit.local.apiserver.stream import Bells, Stream
from support.embedded import Cluster

CHANGES = 1000
"""Which take far longer than it is to a bookmark."""


def test_a_watch_of_few_of_a_busy_kind_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BOOKMARK_SECONDS", 0.05)
    cluster, bells = Cluster(), Bells()
    selected = Operation("watch", cluster.widgets, "ns", options=Options(label_selector="mine=yes"))
    query = {"resourceVersion": str(cluster.store.version), "allowWatchBookmarks": "true"}
    watch = Stream(cluster.store, selected, query, bells, lambda _kind, body: body, None)
    cluster.create("others")

    async def change_others() -> None:
        for number in range(CHANGES):
            cluster.patch("others", {"spec": {"replicas": number}})
            bells.ring([cluster.widgets.key])
            await asyncio.sleep(0)

    async def read_first() -> bytes:
        changing = asyncio.create_task(change_others())
        try:
            return await anext(aiter(watch.lines()))
        finally:
            assert changing.cancel(), "they have not changed to the end"

    told = json.loads(asyncio.run(read_first()))
    assert told["type"] == "BOOKMARK"
    assert int(told["object"]["metadata"]["resourceVersion"]) > int(query["resourceVersion"])
