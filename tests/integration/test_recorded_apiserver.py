"""The embedded API server answers every recorded request and watch as the real server did."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from meshsplit.local.apiserver import ApiServer
from support.api_cases import Replay, differences

FOLDER = os.environ.get("MESHSPLIT_API_CASES")
RECORDED: dict[str, Any] = (
    json.loads((Path(FOLDER) / "cases.json").read_text()) if FOLDER else {"cases": [], "watches": []}
)
CASES = {case["name"]: case for case in RECORDED["cases"]}
WATCHES = {watch["name"]: watch for watch in RECORDED["watches"]}
WIDGETS = "/apis/cases.meshsplit.dev/v1/namespaces/NS/widgets"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

pytestmark = [
    pytest.mark.skipif(not FOLDER, reason="MESHSPLIT_API_CASES names no folder with recorded cases"),
    pytest.mark.xdist_group("apiserver"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    # The recording client had no name: what it wrote belongs to the manager "unknown".
    nameless = {"user-agent": ""}
    with (
        ApiServer.start() as server,
        httpx.Client(base_url=server.url, headers=nameless, timeout=30) as connected,
    ):
        connected.post(CRDS, json=RECORDED["crd"]).raise_for_status()
        yield connected


@pytest.mark.parametrize("name", list(CASES))
def test_a_recorded_case(client: httpx.Client, name: str) -> None:
    replay = Replay(client, f"case-{list(CASES).index(name)}")
    for number, step in enumerate(CASES[name]["steps"]):
        found = replay.check(step["request"], step["response"])
        assert not found, f"step {number}: {step['request']}\n" + "\n".join(found)


@pytest.fixture(scope="module")
def watched(client: httpx.Client) -> Iterator[dict[str, Future[tuple[int, list[dict[str, Any]]]]]]:
    """All watches side by side: most of their time is waiting for `timeoutSeconds`."""

    def run(name: str) -> tuple[int, list[dict[str, Any]]]:
        return Replay(client, f"watch-{list(WATCHES).index(name)}").watch(WIDGETS, WATCHES[name])

    with ThreadPoolExecutor(len(WATCHES) or 1) as pool:
        yield {name: pool.submit(run, name) for name in WATCHES}


@pytest.mark.parametrize("name", WATCHES)
def test_a_recorded_watch(watched: dict[str, Future[tuple[int, list[dict[str, Any]]]]], name: str) -> None:
    code, events = watched[name].result()
    assert code == WATCHES[name]["code"]
    assert not differences(WATCHES[name]["events"], events)


def test_the_recorded_file_is_whole() -> None:
    """A replay of nothing would pass."""
    assert len(CASES) > 80
    assert len(WATCHES) > 7
