"""`meshsplit local` as its user runs it: a folder, a real Envoy, real requests."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meshsplit.local.traffic import Tally, send_grpc, send_rest
from support.kubectl import need_kubectl
from support.load import ask, constant_load, infer_path
from support.local_mesh import (
    EXAMPLES,
    START_SECONDS,
    STOP_SECONDS,
    LocalMesh,
    local_mesh,
    started,
    wait_for,
)
from support.processes import children_of, is_alive
from support.shares import assert_shares

CANARY = EXAMPLES / "modelmesh-canary"
PATH = infer_path("modelmesh-apps", "ai-model")
ENOUGH = 10_000
# What an edit may take on a busy machine; it takes a fraction of a second.
EDIT_SECONDS = 60.0


def with_percents(manifests: str, *percents: int) -> str:
    """The same manifests with these percentages, in order."""
    remaining = iter(percents)
    return re.sub(r'(canaryTrafficPercent: )"\d+"', lambda found: f'{found[1]}"{next(remaining)}"', manifests)


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> object:
    with local_mesh(CANARY, tmp_path_factory.mktemp("canary")) as mesh:
        yield mesh


@pytest.mark.xdist_group("canary")
class TestTheSeedsPair:
    def test_rest_requests_are_split_80_20(self, canary: LocalMesh) -> None:
        assert_shares(
            lambda: send_rest(canary.url, PATH, b'{"inputs": []}', ENOUGH),
            {"ai-model-one": 80, "ai-model-two": 20},
        )

    def test_grpc_requests_are_split_80_20(self, canary: LocalMesh) -> None:
        assert_shares(
            lambda: send_grpc(canary.url, "ai-model", ENOUGH), {"ai-model-one": 80, "ai-model-two": 20}
        )

    @pytest.mark.parametrize("model", ["ai-model-one", "ai-model-two"])
    def test_a_single_model_answers_under_its_own_name(self, canary: LocalMesh, model: str) -> None:
        rest = send_rest(canary.url, infer_path("modelmesh-apps", model), b'{"inputs": []}', 50)
        assert rest == Tally(((model, 50),), 0)
        assert send_grpc(canary.url, model, 50) == Tally(((model, 50),), 0)

    def test_an_unknown_model_is_404(self, canary: LocalMesh) -> None:
        assert ask(canary.url, infer_path("modelmesh-apps", "nobody"))[0] == 404
        assert ask(canary.url, infer_path("elsewhere", "ai-model"))[0] == 404
        assert send_grpc(canary.url, "nobody", 4).failed == 4

    @pytest.mark.parametrize(
        "spoofed",
        [
            {"x-vmodel": "ai-model-two"},
            {"mm-vmodel-id": "ai-model-two"},
            {"x-request-id": "000aaaaa-0000-4000-8000-000000000000"},
            {"x-request-id": "000aaaaa-0000-4000-8000-000000000000", "x-forwarded-for": "10.1.2.3"},
        ],
        ids=["x-vmodel", "mm-vmodel-id", "x-request-id", "x-request-id-behind-a-proxy"],
    )
    def test_a_caller_cannot_pick_the_member(self, canary: LocalMesh, spoofed: dict[str, str]) -> None:
        assert_shares(
            lambda: send_rest(canary.url, PATH, b'{"inputs": []}', 2_000, headers=spoofed),
            {"ai-model-one": 80, "ai-model-two": 20},
        )

    @pytest.mark.parametrize(
        ("method", "rest_of_the_path"),
        [("POST", "/versions/1/infer"), ("GET", ""), ("GET", "/ready"), ("POST", "/infer?trace=1")],
    )
    def test_every_path_of_the_protocol_reaches_a_member(
        self, canary: LocalMesh, method: str, rest_of_the_path: str
    ) -> None:
        path = f"/modelmesh/modelmesh-apps/v2/models/ai-model{rest_of_the_path}"
        assert ask(canary.url, path, method=method)[0] == 200

    def test_the_documents_own_curl_line_works(self, canary: LocalMesh, tmp_path: Path) -> None:
        seeds = os.environ.get("MESHSPLIT_SEEDS")
        if not seeds:
            pytest.skip("MESHSPLIT_SEEDS is not set")
        document = (Path(seeds) / "modelmesh-traffic-splitting.md").read_text()
        block = next(b for b in re.findall(r"```shell\n(.*?)```", document, re.S) if "curl -X POST" in b)
        shutil.copy(EXAMPLES / "payloads" / "rest-input.json", tmp_path)
        script = block.replace("PORT=8080", f"PORT={canary.port}")
        assert script != block
        done = subprocess.run(
            ["bash", "-euc", script], cwd=tmp_path, capture_output=True, timeout=60, check=True
        )
        assert re.search(rb'"model_name": ?"ai-model-(one|two)"', done.stdout), done


def test_an_edit_under_load_moves_the_split_and_fails_nothing(tmp_path: Path) -> None:
    with local_mesh(CANARY, tmp_path) as mesh, constant_load(mesh.url, PATH) as load:
        wait_for(lambda: load.last(200) == {"ai-model-one", "ai-model-two"}, EDIT_SECONDS, "both members")
        mesh.edit("ai-model-one.yaml", '"80"', '"0"')
        mesh.edit("ai-model-two.yaml", '"20"', '"100"')
        wait_for(lambda: load.last(200) == {"ai-model-two"}, EDIT_SECONDS, "the new split")
        assert load.failures == []


def test_half_an_edit_changes_nothing_and_is_said(tmp_path: Path) -> None:
    with local_mesh(CANARY, tmp_path) as mesh:
        mesh.edit("ai-model-one.yaml", '"80"', '"60"')
        wait_for(lambda: "MSP101" in mesh.log.read_text(), EDIT_SECONDS, "MSP101")
        assert_shares(
            lambda: send_rest(mesh.url, PATH, b'{"inputs": []}', 3_000),
            {"ai-model-one": 80, "ai-model-two": 20},
        )
        mesh.edit("ai-model-two.yaml", '"20"', '"40"')
        wait_for(lambda: "ai-model-two=40" in mesh.log.read_text(), EDIT_SECONDS, "the new split")
        assert_shares(
            lambda: send_rest(mesh.url, PATH, b'{"inputs": []}', 3_000),
            {"ai-model-one": 60, "ai-model-two": 40},
        )


def test_a_file_that_breaks_keeps_its_models_serving(tmp_path: Path) -> None:
    with local_mesh(CANARY, tmp_path) as mesh, constant_load(mesh.url, PATH) as load:
        mesh.edit("ai-model-one.yaml", "metadata:", "metadata: [")
        wait_for(lambda: "MSP001" in mesh.log.read_text(), EDIT_SECONDS, "MSP001")
        wait_for(lambda: load.last(200) == {"ai-model-one", "ai-model-two"}, EDIT_SECONDS, "both members")
        assert load.failures == []


@pytest.mark.parametrize(
    ("file", "before", "after", "code"),
    [
        ("mesh.yaml", "gateway-name: odh-gateway", "gateway-name: not a name", "MSP309"),
        ("ai-model-two.yaml", "predictor:", "predictor: 5 #", "MSP001"),
        ("ai-model-two.yaml", "deploymentMode: ModelMesh", "deploymentMode: Modelmash", "MSP007"),
        ("runtime.yaml", "supportedModelFormats:", "supportedModelFormats: 5\n  other:", "MSP007"),
    ],
)
def test_an_object_that_cannot_be_understood_leaves_its_routes_alone(
    tmp_path: Path, file: str, before: str, after: str, code: str
) -> None:
    with local_mesh(CANARY, tmp_path) as mesh, constant_load(mesh.url, PATH) as load:
        mesh.edit(file, before, after)
        wait_for(lambda: code in mesh.log.read_text(), EDIT_SECONDS, code)
        seen = len(load.members)
        wait_for(lambda: len(load.members) > seen + 500, EDIT_SECONDS, "500 more answers")
        assert set(load.members[seen:]) == {"ai-model-one", "ai-model-two"}
        single = send_rest(mesh.url, infer_path("modelmesh-apps", "ai-model-two"), b'{"inputs": []}', 50)
        assert single == Tally((("ai-model-two", 50),), 0)
        assert load.failures == []


def test_a_deleted_members_traffic_goes_to_the_survivor(tmp_path: Path) -> None:
    with local_mesh(CANARY, tmp_path) as mesh, constant_load(mesh.url, PATH) as load:
        wait_for(lambda: load.last(200) == {"ai-model-one", "ai-model-two"}, EDIT_SECONDS, "both members")
        (mesh.folder / "ai-model-two.yaml").unlink()
        wait_for(lambda: load.last(300) == {"ai-model-one"}, EDIT_SECONDS, "the survivor alone")
        assert load.failures == []


def test_300_edits_at_5_a_second_fail_nothing(tmp_path: Path) -> None:
    with local_mesh(CANARY, tmp_path) as mesh, constant_load(mesh.url, PATH, clients=2) as load:
        both = mesh.folder / "models.yaml"
        one, two = ((mesh.folder / f"ai-model-{name}.yaml").read_text() for name in ("one", "two"))
        both.write_text(f"{one}---\n{two}")
        (mesh.folder / "ai-model-one.yaml").unlink()
        (mesh.folder / "ai-model-two.yaml").unlink()
        percents = [80, 60, 0, 100, 35]
        due = time.monotonic()
        for number in range(300):
            before, after = both.read_text(), percents[number % len(percents)]
            ours = re.sub(r'(Percent: )"\d+"', rf'\1"{after}"', before, count=1)
            both.write_text(
                re.sub(r'(Percent: "\d+"\n.*?Percent: )"\d+"', rf'\1"{100 - after}"', ours, flags=re.S)
            )
            due += 0.2
            time.sleep(max(0.0, due - time.monotonic()))  # the pace is the point of this test
        mesh.edit("models.yaml", f'"{after}"', '"0"')
        mesh.edit("models.yaml", f'"{100 - after}"', '"100"')
        wait_for(lambda: load.last(200) == {"ai-model-two"}, EDIT_SECONDS, "the last split")
        assert load.failures == []
        assert len(load.members) > 3_000


NOBODY = "http://127.0.0.1:9"
PROXIES = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "grpc_proxy"), NOBODY)


@pytest.mark.parametrize(
    ("with_kubectl", "environment"),
    [(True, {}), (False, {"PATH": "/nowhere"}), (True, PROXIES)],
    ids=["kubectl", "no-kubectl", "behind-a-proxy"],
)
def test_the_demo_measures_edits_under_load_and_ends(
    tmp_path: Path, with_kubectl: bool, environment: dict[str, str]
) -> None:
    if with_kubectl:
        need_kubectl()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "meshsplit",
            "demo",
            "--scenario",
            "split",
            "--once",
            "--gateway-port",
            "0",
            "--requests",
            "400",
        ],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert len(re.findall(r"^\$ kubectl (?:label|annotate) ", done.stdout, re.M)) == 10
    assert len(re.findall(r"^(REST|gRPC) .* of 400 requests, 0 failed$", done.stdout, re.M)) == 4
    assert re.search(r"^meanwhile +\d+ requests, 0 failed$", done.stdout, re.M)
    assert sorted(path.name for path in (tmp_path / ".meshsplit").iterdir()) == ["demo"]


class TestWhatStopsIt:
    def run(self, folder: Path, *options: str, cwd: Path) -> tuple[int, str]:
        with started(folder, *options, cwd=cwd) as process:
            code = process.wait(START_SECONDS)
        return code, (cwd / "local.log").read_text()

    def test_a_busy_port_is_an_error_that_names_the_flag(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = str(busy.getsockname()[1])
            code, said = self.run(CANARY, "--gateway-port", port, cwd=tmp_path)
        assert code == 2
        assert port in said
        assert "--gateway-port" in said
        assert "Traceback" not in said

    def test_a_broken_manifest_is_an_error_with_its_place(self, tmp_path: Path) -> None:
        folder = tmp_path / "manifests"
        shutil.copytree(CANARY, folder)
        (folder / "broken.yaml").write_text("kind: InferenceService\nmetadata: [\n")
        code, said = self.run(folder, "--gateway-port", "0", cwd=tmp_path)
        assert code == 2
        assert re.search(r"broken\.yaml:\d+:\d+: error MSP001", said), said

    def test_a_state_file_that_is_none_is_an_error_that_names_it(self, tmp_path: Path) -> None:
        (tmp_path / ".meshsplit").mkdir()
        (tmp_path / ".meshsplit" / "cluster.jsonl").write_text("not ours\n")
        code, said = self.run(CANARY, "--gateway-port", "0", cwd=tmp_path)
        assert code == 2
        assert "cluster.jsonl" in said
        assert "Traceback" not in said

    def test_a_folder_without_routes_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        code, said = self.run(tmp_path / "empty", "--gateway-port", "0", cwd=tmp_path)
        assert code == 2
        assert "no routes" in said

    @pytest.mark.parametrize("package", ["envoy", "watchfiles", "grpc", "uvicorn", "kubernetes"])
    def test_a_missing_extra_is_an_error_that_names_it(self, tmp_path: Path, package: str) -> None:
        hider = tmp_path / "hidden"
        hider.mkdir()
        (hider / "sitecustomize.py").write_text(
            "import sys\n"
            "class Hidden:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name.split('.')[0] == {package!r}:\n"
            "            raise ModuleNotFoundError(name)\n"
            "sys.meta_path.insert(0, Hidden())\n"
        )
        done = subprocess.run(
            [sys.executable, "-m", "meshsplit", "local", str(CANARY), "--gateway-port", "0"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(hider)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert "meshsplit[local]" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_stops_everything_it_started(self, tmp_path: Path, number: signal.Signals) -> None:
        ready = tmp_path / "ready"
        options = ("--gateway-port", "0", "--ready-file", str(ready))
        with started(CANARY, *options, cwd=tmp_path) as process:
            wait_for(ready.exists, START_SECONDS, "the ready file")
            children = children_of(process.pid)
            assert len(children) >= 2
            process.send_signal(number)
            assert process.wait(STOP_SECONDS) == 130
        assert [pid for pid in children if is_alive(pid)] == []
        assert [path.name for path in (tmp_path / ".meshsplit").iterdir()] == ["cluster.jsonl"]

    def test_a_killed_process_leaves_nothing_running(self, tmp_path: Path) -> None:
        ready = tmp_path / "ready"
        options = ("--gateway-port", "0", "--ready-file", str(ready))
        with started(CANARY, *options, cwd=tmp_path) as process:
            wait_for(ready.exists, START_SECONDS, "the ready file")
            children = children_of(process.pid)
        wait_for(lambda: not any(is_alive(pid) for pid in children), STOP_SECONDS, "the children's end")
        with local_mesh(CANARY, tmp_path):
            ours = {path.name for path in (tmp_path / ".meshsplit").glob("local-*")}
        assert len(ours) == 1
