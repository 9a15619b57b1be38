"""Gates of a canary at a real HTTP server: called, signed, opened and closed; what comes too soon is kept."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from meshsplit.controller.resources import SECRETS
from meshsplit.kube.port import Resource
from meshsplit.rollout.gates import SIGNATURE_HEADER
from meshsplit.rollout.observation import GateResult
from support.manifests import NAMESPACE
from support.prometheus import serving
from support.store_api import StoreApi
from support.waiting import eventually
from support.walks import Walk

SECRET = b"between us"


@dataclass
class Posted:
    """One call as it arrived."""

    body: bytes
    signature: str

    @property
    def payload(self) -> dict[str, object]:
        payload: dict[str, object] = json.loads(self.body)
        return payload


class GateServer(ThreadingHTTPServer):
    """Answers every POST with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 403
        self.posted: list[Posted] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/gate"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, GateServer)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(Posted(body, self.headers.get(SIGNATURE_HEADER, "")))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[GateServer]:
    with serving(GateServer()) as running:
        yield running


def make_walk(server: GateServer, **gate: object) -> Walk:
    gates = [{"name": "qa", "type": "confirmStep", "url": server.url, "timeout": "5s", **gate}]
    return Walk({"canary": {"stepWeights": [10, 50], "gates": gates}})


def answer(walk: Walk) -> None:
    """Wait until the answer of the call that is under way is in the state."""

    def is_answered() -> bool:
        walk.controller.work()
        return all(call.opened is not None for call in walk.state.gates)

    eventually(is_answered, "the gate's answer")


def walk_to_the_gate(walk: Walk, server: GateServer) -> None:
    walk.go()
    while not server.posted:
        walk.tick()
        if walk.state.gates:
            answer(walk)


def test_a_gate_holds_its_step_until_it_opens(server: GateServer) -> None:
    walk = make_walk(server, hmacSecret={"name": "hook", "key": "secret"})
    data = {"secret": base64.b64encode(SECRET).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook", "namespace": NAMESPACE}}
    walk.scene.user.create(SECRETS, {**secret, "data": data})
    walk_to_the_gate(walk, server)
    assert walk.weight == 10
    assert walk.status["rollout"]["waiting"] == "GateClosed"
    first = server.posted[0]
    assert first.signature == "sha256=" + hmac.new(SECRET, first.body, hashlib.sha256).hexdigest()
    assert (first.payload["gate"], first.payload["toThousandths"]) == ("qa", 500)

    calls = len(server.posted)
    walk.tick(20)
    assert walk.weight == 10
    answer(walk)
    assert len(server.posted) == calls + 1
    server.status = 204
    walk.tick(20)
    answer(walk)
    walk.tick()
    assert walk.weight == 50
    walk.tick_until("Promoted")
    assert walk.acts == ["Apply", "Start", "Advance", "Promote"]


def test_a_gate_whose_secret_is_missing_stays_closed_and_says_so(server: GateServer) -> None:
    walk = make_walk(server, hmacSecret={"name": "hook", "key": "secret"})
    walk.go()
    while not walk.state.gates:
        walk.tick()
    answer(walk)
    walk.tick()
    assert (walk.weight, server.posted) == (10, [])
    assert "NotFound" in walk.status["lastDecision"]["message"]


def test_an_answer_that_comes_while_the_state_is_being_written_is_not_lost(server: GateServer) -> None:
    """The answer arrives after the controller has decided, and before it is done with the pass."""
    walk = make_walk(server)
    api = StoreApi(walk.scene.store)
    walk.start(api)
    walk.controller.gates.make = lambda key, calls: None  # type: ignore[method-assign]
    walk.go()
    while not walk.state.gates:
        walk.tick()
    call = walk.state.gates[0].call
    gates, key = walk.controller.gates, walk.live.key

    def arrive(_verb: str, resource: Resource, _name: str) -> None:
        if resource.plural == "modelsplits" and not gates.find(key):
            gates.put(key, GateResult(call, opened=True))

    api.before = arrive
    walk.tick()
    api.before = lambda _verb, _resource, _name: None
    walk.controller.work()
    assert walk.state.gates[0].opened
