"""Every example folder does what its README line says, on a real Envoy."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from meshsplit.local.clients import Clients, Seen
from meshsplit.local.traffic import Tally, send_grpc, send_rest
from support.clients import Client, ask_all
from support.load import ask, constant_load, infer_path
from support.local_mesh import EXAMPLES, local_mesh, wait_for
from support.shares import assert_shares

BODY = b'{"inputs": []}'
COUNT = 3_000
# What an edit may take on a busy machine; it takes a fraction of a second.
EDIT_SECONDS = 60.0


def test_every_example_is_tested_here() -> None:
    tests = Path(__file__).read_text()
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()} - {"payloads", "scenarios"}
    assert {name for name in folders if f'"{name}"' not in tests} == set()
    assert len(folders) == 11


def test_modelmesh_canary(tmp_path: Path) -> None:
    with local_mesh(EXAMPLES / "modelmesh-canary", tmp_path) as mesh:
        assert_shares(
            lambda: send_rest(mesh.url, infer_path("modelmesh-apps", "ai-model"), BODY, COUNT),
            {"ai-model-one": 80, "ai-model-two": 20},
        )


def test_three_members(tmp_path: Path) -> None:
    percents = {"digits-a": 33, "digits-b": 33, "digits-c": 34}
    with local_mesh(EXAMPLES / "three-members", tmp_path) as mesh:
        path = infer_path("modelmesh-apps", "digits")
        assert_shares(lambda: send_rest(mesh.url, path, BODY, COUNT), percents)
        assert_shares(lambda: send_grpc(mesh.url, "digits", COUNT), percents)


@pytest.mark.parametrize(
    "path",
    ["/v2/models/iris/infer", "/v1/models/iris:predict"],
)
def test_standard_mode(tmp_path: Path, path: str) -> None:
    host = {"Host": "iris-iris-apps.example.com"}
    body = b'{"inputs": [], "instances": [[1.0]]}'
    with local_mesh(EXAMPLES / "standard-mode", tmp_path) as mesh:
        assert_shares(
            lambda: send_rest(mesh.url, path, body, COUNT, headers=host), {"iris-one": 80, "iris-two": 20}
        )
        assert ask(mesh.url, "/v2/models/iris", host, method="GET")[0] == 200
        assert ask(mesh.url, "/v1/models/iris", host, method="GET")[0] == 200
        assert ask(mesh.url, "/v2/models/iris/infer")[0] == 404  # without the host it is not this group


def test_blue_green_flips_all_traffic(tmp_path: Path) -> None:
    path = infer_path("fraud", "scorer")
    with local_mesh(EXAMPLES / "blue-green", tmp_path) as mesh:
        assert send_rest(mesh.url, path, BODY, 200) == Tally((("scorer-blue", 200),), 0)
        mesh.edit("scorer-blue.yaml", '"100"', '"0"')
        mesh.edit("scorer-green.yaml", '"0"', '"100"')
        wait_for(lambda: "scorer-green=100" in mesh.log.read_text(), EDIT_SECONDS, "the flip")
        assert send_rest(mesh.url, path, BODY, 200) == Tally((("scorer-green", 200),), 0)
        assert send_grpc(mesh.url, "scorer", 200) == Tally((("scorer-green", 200),), 0)


def test_canary_walks_to_the_new_version_under_load(tmp_path: Path) -> None:
    path = infer_path("modelmesh-apps", "ai-model")
    with local_mesh(EXAMPLES / "canary", tmp_path) as mesh:
        assert send_rest(mesh.url, path, BODY, 200) == Tally((("ai-model-v1", 200),), 0)
        with constant_load(mesh.url, path) as load:
            wait_for(lambda: "ai-model-v2=30" in mesh.log.read_text(), 120, "the second step")
        assert set(load.members) == {"ai-model-v1", "ai-model-v2"}
        assert load.failures == []


def test_progressive_starts_with_all_traffic_on_stable(tmp_path: Path) -> None:
    path = infer_path("modelmesh-apps", "ai-model")
    with local_mesh(EXAMPLES / "progressive", tmp_path) as mesh:
        assert send_rest(mesh.url, path, BODY, 200) == Tally((("ai-model-v1", 200),), 0)


def test_sticky_sessions_keep_a_client_and_move_it_one_way(tmp_path: Path) -> None:
    path = infer_path("modelmesh-apps", "ai-model")
    keeping = [Client() for _ in range(150)]
    named = [Client({"x-client-id": str(uuid4())}, keeps_cookies=False) for _ in range(150)]

    def see(port: int) -> list[str]:
        first, second = (
            [
                json.loads(answer.body)["model_name"]
                for answer in ask_all(port, [*keeping, *named], path, body=BODY)
            ]
            for _ in range(2)
        )
        assert first == second
        return first

    with local_mesh(EXAMPLES / "sticky-sessions", tmp_path) as mesh:
        before = see(mesh.port)
        assert set(before) == {"ai-model-v1", "ai-model-v2"}
        mesh.edit("models.yaml", '"80"', '"30"')
        mesh.edit("models.yaml", '"20"', '"70"')
        wait_for(lambda: "ai-model-v2=70" in mesh.log.read_text(), EDIT_SECONDS, "the larger share")
        after = see(mesh.port)
        moved = {(was, now) for was, now in zip(before, after, strict=True) if was != now}
        assert moved == {("ai-model-v1", "ai-model-v2")}


def test_delegate(tmp_path: Path) -> None:
    path = infer_path("modelmesh-apps", "ai-model")
    with local_mesh(EXAMPLES / "delegate", tmp_path) as mesh:
        assert_shares(
            lambda: send_rest(mesh.url, path, BODY, COUNT, headers={"Host": "models.example.com"}),
            {"ai-model-one": 80, "ai-model-two": 20},
        )
        assert ask(mesh.url, path)[0] == 404  # only the host that git names


def test_migrate_from_2023(tmp_path: Path) -> None:
    path = infer_path("modelmesh-apps", "ai-model")
    with local_mesh(EXAMPLES / "migrate-from-2023", tmp_path) as mesh:
        assert_shares(
            lambda: send_rest(mesh.url, path, BODY, COUNT), {"ai-model-one": 80, "ai-model-two": 20}
        )
        assert_shares(
            lambda: send_grpc(mesh.url, "ai-model", COUNT), {"ai-model-one": 80, "ai-model-two": 20}
        )
        # What this shape cannot prevent: a caller that picks its member.
        picked = ask(mesh.url, "/vmodel-route/modelmesh-apps/ai-model/infer", {"x-vmodel": "ai-model-two"})
        assert json.loads(picked[1])["model_name"] == "ai-model-two"


def test_walk_through_serves_nothing_before_its_first_line(tmp_path: Path) -> None:
    with local_mesh(EXAMPLES / "walk-through", tmp_path) as mesh:
        assert ask(mesh.url, infer_path("modelmesh-apps", "ai-model"))[0] == 404
        assert ask(mesh.url, infer_path("modelmesh-apps", "ai-model-one"))[0] == 404


def test_rolling_update_takes_over_under_load_and_keeps_clients_on_their_replica(tmp_path: Path) -> None:
    host = {"Host": "iris-kserve-demo.example.com"}
    windows: list[Seen] = []

    def meets(version: int) -> bool:
        """Whether that version is all that clients have met lately, and each of them one of its replicas."""
        if clients.seen().least <= 5:
            return False
        windows.append(clients.take())
        kept = all(len(served) == 1 for served in windows[-1].by_client)
        return kept and windows[-1].servers == [f"iris-v{version}-0", f"iris-v{version}-1"]

    with local_mesh(EXAMPLES / "rolling-update", tmp_path) as mesh:
        assert ask(mesh.url, "/v2/models/iris/infer", host)[0] == 200  # as soon as it says that it serves
        clients = Clients(f"{mesh.url}/v2/models/iris/infer", host, BODY)
        clients.start()
        try:
            wait_for(lambda: meets(1), EDIT_SECONDS, "version 1")
            mesh.edit("iris.yaml", "version: v1", "version: v2")
            wait_for(lambda: meets(2), EDIT_SECONDS, "version 2")
        finally:
            clients.stop()
        assert sum(window.failed for window in (*windows, clients.seen())) == 0
