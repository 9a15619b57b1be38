"""The embedded API server as a process sees it: its state file, its faults, its streams, its kubeconfig."""

import json
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from meshsplit.local.apiserver import ApiServer, Fault, Faults
from support.waiting import DEADLINE_SECONDS
from support.widgets import WIDGET_CRD

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.dev/v1/namespaces/default/widgets"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def client_of(server: ApiServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, timeout=20)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer.start() as running:
        yield running


@pytest.fixture
def client(server: ApiServer) -> Iterator[httpx.Client]:
    with client_of(server) as connected:
        yield connected


def make(client: httpx.Client, name: str) -> dict[str, Any]:
    body: dict[str, Any] = (
        client.post(CONFIG_MAPS, json={"metadata": {"name": name}}).raise_for_status().json()
    )
    return body


def events(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in response.iter_lines():
        event = json.loads(line)
        yield event["type"], event["object"]


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with ApiServer.start(state_file=state) as server, client_of(server) as client:
        client.post(CRDS, json=WIDGET_CRD).raise_for_status()
        client.post(WIDGETS, json={"metadata": {"name": "a"}, "spec": {"size": 1}}).raise_for_status()
        client.post(WIDGETS, json={"metadata": {"name": "gone"}}).raise_for_status()
        client.delete(f"{WIDGETS}/gone").raise_for_status()
        before = client.get(WIDGETS).json()
    with ApiServer.start(state_file=state) as server, client_of(server) as client:
        after = client.get(WIDGETS).json()
        assert after == before
        later = client.post(WIDGETS, json={"metadata": {"name": "b"}}).json()
        assert int(later["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
        old = int(before["metadata"]["resourceVersion"]) - 1
        with client.stream("GET", f"{WIDGETS}?watch=1&resourceVersion={old}") as watch:
            assert next(events(watch))[1]["code"] == 410


def test_a_line_cut_by_a_kill_is_not_believed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with ApiServer.start(state_file=state) as server, client_of(server) as client:
        make(client, "a")
    whole = state.read_bytes()
    state.write_bytes(whole + whole.splitlines()[-1].replace(b'"a"', b'"b"')[:-10])
    for _ in range(2):
        with ApiServer.start(state_file=state) as server, client_of(server) as client:
            names = [item["metadata"]["name"] for item in client.get(CONFIG_MAPS).json()["items"]]
            assert names == ["a"]


@pytest.mark.parametrize("content", [b"apiVersion: v1\nkind: List\n", b'{"a": 1}\n'])
def test_a_file_that_is_no_state_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "precious"
    other.write_bytes(content)
    with pytest.raises(ValueError, match="state file"):
        ApiServer.start(state_file=other)
    assert other.read_bytes() == content


@pytest.mark.parametrize("code", [403, 409, 410, 429, 500, 503])
def test_a_fault_answers_in_the_servers_stead(server: ApiServer, client: httpx.Client, code: int) -> None:
    server.faults.add(Fault(path="configmaps", method="POST", code=code, retry_after=7))
    response = client.post(CONFIG_MAPS, json={"metadata": {"name": "a"}})
    assert (response.status_code, response.json()["code"], response.headers["retry-after"]) == (
        code,
        code,
        "7",
    )
    assert client.get(CONFIG_MAPS).json()["items"] == []
    make(client, "a")


def test_a_fault_without_end_lasts_until_it_is_cleared() -> None:
    faults = Faults(Fault(path="configmaps", code=500, times=0))
    with ApiServer.start(faults=faults) as server, client_of(server) as client:
        assert [client.get(CONFIG_MAPS).status_code for _ in range(3)] == [500, 500, 500]
        assert client.get("/api/v1/namespaces/default").status_code == 200
        faults.clear()
        assert client.get(CONFIG_MAPS).status_code == 200


def test_a_watch_can_be_cut_and_resumed(server: ApiServer, client: httpx.Client) -> None:
    server.faults.add(Fault(path="configmaps", cut_after=1))
    first = make(client, "a")["metadata"]["resourceVersion"]
    make(client, "b")
    received = []
    with client.stream("GET", f"{CONFIG_MAPS}?watch=1") as watch, pytest.raises(httpx.RemoteProtocolError):
        received += [body["metadata"]["name"] for _, body in events(watch)]
    with client.stream("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={first}") as watch:
        assert next(events(watch))[1]["metadata"]["name"] == "b"


def test_a_watch_can_expire_in_the_middle(server: ApiServer, client: httpx.Client) -> None:
    server.faults.add(Fault(expire_after=1))
    make(client, "a")
    with client.stream("GET", f"{CONFIG_MAPS}?watch=1") as watch:
        assert [kind for kind, _ in events(watch)] == ["ADDED", "ERROR"]


def test_a_frozen_watch_says_nothing_more(server: ApiServer, client: httpx.Client) -> None:
    server.faults.add(Fault(freeze_after=0))
    make(client, "a")
    patience = httpx.Timeout(20, read=2.0)
    with (
        client.stream("GET", f"{CONFIG_MAPS}?watch=1", timeout=patience) as watch,
        pytest.raises(httpx.ReadTimeout),
    ):
        next(events(watch))


def test_compaction_ends_old_positions(server: ApiServer, client: httpx.Client) -> None:
    old = make(client, "a")["metadata"]["resourceVersion"]
    make(client, "b")
    server.compact()
    with client.stream("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={old}") as watch:
        assert [(kind, body.get("reason")) for kind, body in events(watch)] == [("ERROR", "Expired")]


def test_stopping_ends_open_watches(server: ApiServer) -> None:
    opened = threading.Event()

    def follow() -> list[str]:
        with client_of(server) as client, client.stream("GET", f"{CONFIG_MAPS}?watch=1") as watch:
            opened.set()
            return [kind for kind, _ in events(watch)]

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(follow)
        assert opened.wait(DEADLINE_SECONDS)
        server.stop()
        assert watching.result(DEADLINE_SECONDS) == []


NONSENSE: tuple[Any, ...] = (
    [],
    "x",
    None,
    1,
    {"metadata": []},
    {"metadata": {"name": "a", "labels": []}},
    {"metadata": {"name": "a", "ownerReferences": [1], "finalizers": [1]}},
    {"metadata": {"name": "a"}, "spec": 1, "status": 2, "data": 3, "stringData": [1], "involvedObject": 1},
    {"metadata": {"name": "a"}, "spec": {"members": 1, "ports": 2, "names": 1, "versions": 3, "group": 5}},
)
PATCHES = ("merge-patch+json", "json-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")


@pytest.mark.parametrize("path", [CRDS, WIDGETS, CONFIG_MAPS, CONFIG_MAPS.replace("configmaps", "services")])
def test_nonsense_is_refused_and_breaks_nothing(client: httpx.Client, path: str) -> None:
    client.post(CRDS, json=WIDGET_CRD).raise_for_status()
    client.post(path, json={"metadata": {"name": "a"}})
    for body in NONSENSE:
        answers = [client.post(path, json=body)]
        for kind in PATCHES:
            headers = {"content-type": f"application/{kind}"}
            url = f"{path}/a?fieldManager=m"
            answers.append(client.patch(url, content=json.dumps(body), headers=headers))
        # What breaks the server is answered by uvicorn, in plain text.
        broken = [answer.text for answer in answers if "json" not in answer.headers["content-type"]]
        assert broken == [], body
    assert client.get(path).status_code == 200


def test_concurrent_writers_lose_nothing(server: ApiServer) -> None:
    def write(writer: int) -> None:
        with client_of(server) as client:
            for number in range(20):
                make(client, f"w{writer}-{number}")

    with client_of(server) as client, ThreadPoolExecutor(4) as pool:
        with client.stream("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=20") as watch:
            writing = [pool.submit(write, writer) for writer in range(4)]
            arriving = events(watch)
            versions = [int(next(arriving)[1]["metadata"]["resourceVersion"]) for _ in range(80)]
        for done in writing:
            done.result()
        assert versions == sorted(set(versions))
        assert len(client.get(CONFIG_MAPS).json()["items"]) == 80


def test_a_kubeconfig_points_at_the_server(server: ApiServer, tmp_path: Path) -> None:
    path = server.kubeconfig(tmp_path / "kubeconfig")
    content = yaml.safe_load(path.read_text())
    assert content["clusters"][0]["cluster"]["server"] == server.url
    assert content["current-context"] == content["contexts"][0]["name"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_taken_port_is_said_at_once(server: ApiServer) -> None:
    with pytest.raises(OSError, match="in use"):
        ApiServer.start(port=server.port)
