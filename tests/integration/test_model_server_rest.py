"""What REST clients get from the stand-in model server: real HTTP against the real process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from meshsplit.local.models.process import ModelServer
from meshsplit.local.models.spec import ModelMeshServing, StandardServing
from support.waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshsplit.local.models.spec import Ports, ServingKey

TENSOR = {"name": "x", "datatype": "FP32", "shape": [2], "data": [0.5, 2.0]}
INPUTS = {"inputs": [TENSOR]}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[ServingKey, Ports]]:
    log = tmp_path_factory.mktemp("models") / "log"
    server = ModelServer.start(log)
    try:
        yield server.serve(
            [
                ModelMeshServing("apps", ("ai-model-one", "ai-model-two")),
                StandardServing("apps", "stable", "ai-model"),
                StandardServing("apps", "canary", "ai-model"),
            ]
        )
    finally:
        server.stop()
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def modelmesh(ports: Mapping[ServingKey, Ports]) -> Iterator[httpx.Client]:
    key = ModelMeshServing("apps", ()).key
    with httpx.Client(base_url=f"http://127.0.0.1:{ports[key].rest}", timeout=DEADLINE_SECONDS) as client:
        yield client


@pytest.fixture(scope="module", params=["stable", "canary"])
def member(request: pytest.FixtureRequest, ports: Mapping[ServingKey, Ports]) -> Iterator[httpx.Client]:
    key = StandardServing("apps", request.param, "").key
    with httpx.Client(base_url=f"http://127.0.0.1:{ports[key].rest}", timeout=DEADLINE_SECONDS) as client:
        client.headers["x-expected-member"] = request.param
        yield client


def test_the_model_of_the_path_answers_with_its_inputs(modelmesh: httpx.Client) -> None:
    for model in ("ai-model-one", "ai-model-two"):
        answer = modelmesh.post(f"/v2/models/{model}/infer", json=INPUTS)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-served-by"] == model
        assert answer.json() == {"model_name": model, "outputs": [TENSOR]}


def test_a_body_posted_as_a_form_is_read_as_json(modelmesh: httpx.Client) -> None:
    """What `curl -d @rest-input.json` sends."""
    answer = modelmesh.post(
        "/v2/models/ai-model-one/infer",
        content=b'{"inputs": []}',
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.json() == {"model_name": "ai-model-one", "outputs": []}


def test_only_the_path_names_the_model(modelmesh: httpx.Client) -> None:
    answer = modelmesh.post(
        "/v2/models/ai-model-one/infer", json=INPUTS, headers={"mm-vmodel-id": "ai-model-two"}
    )
    assert answer.json()["model_name"] == "ai-model-one"


def test_a_version_and_an_id_come_back(modelmesh: httpx.Client) -> None:
    body = {**INPUTS, "id": "42", "parameters": {"p": 1}, "outputs": [{"name": "y"}]}
    answer = modelmesh.post("/v2/models/ai-model-two/versions/7/infer?trace=1", json=body)
    assert answer.json() == {
        "model_name": "ai-model-two",
        "model_version": "7",
        "id": "42",
        "outputs": [TENSOR],
    }


def test_any_text_survives_the_echo(modelmesh: httpx.Client) -> None:
    body = b'{"inputs": [{"name": "t", "datatype": "BYTES", "shape": [2], "data": ["\\ud800", "\xc3\xa4"]}]}'
    answer = modelmesh.post("/v2/models/ai-model-one/infer", content=body)
    assert answer.status_code == 200
    assert b'["\\ud800","\\u00e4"]' in answer.content


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", {"name": "ai-model-one", "platform": "echo", "inputs": [], "outputs": []}),
        (
            "/versions/7",
            {"name": "ai-model-one", "platform": "echo", "inputs": [], "outputs": [], "versions": ["7"]},
        ),
        ("/ready", {"name": "ai-model-one", "ready": True}),
        ("/versions/7/ready", {"name": "ai-model-one", "ready": True}),
    ],
)
def test_metadata_and_readiness_of_a_model(
    modelmesh: httpx.Client, path: str, expected: dict[str, object]
) -> None:
    answer = modelmesh.get(f"/v2/models/ai-model-one{path}")
    assert (answer.status_code, answer.json()) == (200, expected)
    assert answer.headers["x-served-by"] == "ai-model-one"


def test_the_shared_service_answers_for_itself(modelmesh: httpx.Client) -> None:
    assert modelmesh.get("/v2/health/live").json() == {"live": True}
    assert modelmesh.get("/v2/health/ready").json() == {"ready": True}
    about = modelmesh.get("/v2")
    assert about.json()["name"] == "meshsplit-local"
    assert "x-served-by" not in about.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/models/ai-model/infer", 404),
        ("POST", "/v2/models/ai-model/versions/1/infer", 404),
        ("GET", "/v2/models/ai-model", 404),
        ("GET", "/v2/models/ai-model/ready", 404),
        ("GET", "/v2/models/ai-model-one/nonsense", 404),
        ("POST", "/v1/models/ai-model-one:predict", 404),
        ("GET", "/v2/models/ai-model-one/infer", 405),
    ],
)
def test_what_is_not_served_is_refused_in_json(
    modelmesh: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = modelmesh.request(method, path, json=INPUTS if method == "POST" else None)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"inputs": 1}',
        b'{"inputs": [1]}',
        b'{"inputs": [{"name": "x", "shape": [1], "data": [1]}]}',
        b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [NaN]}]}',
        b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1e999]}]}',
        b'{"inputs": "\xff"}',
        b"[" * 100_000,
        b"1" * 10_000,
    ],
)
def test_a_bad_body_is_the_clients_fault(modelmesh: httpx.Client, body: bytes) -> None:
    answer = modelmesh.post("/v2/models/ai-model-one/infer", content=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_a_member_speaks_v1_and_v2_under_its_served_name(member: httpx.Client) -> None:
    answers = [
        member.post("/v1/models/ai-model:predict", json={"instances": [[1, 2]]}),
        member.post("/v1/models/ai-model:explain", json={"instances": [[1, 2]]}),
        member.get("/v1/models/ai-model"),
        member.get("/v1/models"),
        member.post("/v2/models/ai-model/infer", json=INPUTS),
        member.get("/v2/models/ai-model/ready"),
        member.get("/v2/health/ready"),
    ]
    assert [answer.json() for answer in answers] == [
        {"model_name": "ai-model", "predictions": [[1, 2]]},
        {"model_name": "ai-model", "explanations": [[1, 2]]},
        {"name": "ai-model", "ready": True},
        {"models": ["ai-model"]},
        {"model_name": "ai-model", "outputs": [TENSOR]},
        {"name": "ai-model", "ready": True},
        {"ready": True},
    ]
    assert {answer.headers["x-served-by"] for answer in answers} == {member.headers["x-expected-member"]}


def test_a_member_is_healthy(member: httpx.Client) -> None:
    for path in ("/", "/healthz"):
        answer = member.get(path)
        assert answer.status_code == 200
        assert answer.headers["x-served-by"] == member.headers["x-expected-member"]


def test_a_member_tells_its_name_when_it_refuses(member: httpx.Client) -> None:
    refusals = [
        member.post("/v1/models/other:predict", json={"instances": []}),
        member.post("/v2/models/canary/infer", json=INPUTS),
        member.post("/v1/models/ai-model:predict", json={"instances": 1}),
        member.get("/nothing"),
        member.post("/v1/completions", json={"model": "other", "prompt": "p"}),
    ]
    assert [refusal.status_code for refusal in refusals] == [404, 404, 400, 404, 404]
    assert {refusal.headers["x-served-by"] for refusal in refusals} == {member.headers["x-expected-member"]}


@pytest.mark.parametrize("prefix", ["/openai/v1", "/v1"])
def test_a_member_completes_as_openai_does(member: httpx.Client, prefix: str) -> None:
    completed = member.post(f"{prefix}/completions", json={"model": "ai-model", "prompt": ["a", "b"]})
    assert completed.json()["model"] == "ai-model"
    assert [choice["text"] for choice in completed.json()["choices"]] == ["a", "b"]
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}]
    answered = member.post(f"{prefix}/chat/completions", json={"model": "ai-model", "messages": messages})
    assert answered.json()["object"] == "chat.completion"
    assert answered.json()["choices"][0]["message"] == {"role": "assistant", "content": "hello"}
    assert answered.headers["x-served-by"] == member.headers["x-expected-member"]


def test_openai_models_are_listed(member: httpx.Client) -> None:
    assert [model["id"] for model in member.get("/openai/v1/models").json()["data"]] == ["ai-model"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("completions", {"prompt": "p"}, 404),
        ("completions", {"model": "canary", "prompt": "p"}, 404),
        ("completions", {"model": {}, "prompt": "p"}, 404),
        ("completions", {"model": "ai-model"}, 400),
        ("completions", {"model": "ai-model", "prompt": "p", "stream": True}, 400),
        ("completions", [], 400),
        ("chat/completions", {"model": "canary", "messages": [{"content": "m"}]}, 404),
        ("chat/completions", {"model": "ai-model", "messages": []}, 400),
        ("chat/completions", {"model": "ai-model", "messages": ["m"]}, 400),
    ],
)
def test_openai_refusals_are_objects(member: httpx.Client, path: str, body: object, status: int) -> None:
    answer = member.post(f"/openai/v1/{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status
