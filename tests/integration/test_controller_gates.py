"""Gates of a canary at a real HTTP server: called, signed, opened and closed; what comes too soon is kept."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest

from meshsplit.controller.gatecalls import GateCalls
from meshsplit.controller.resources import SECRETS
from meshsplit.controller.signed import SignedPosts
from meshsplit.kube.port import Forbidden, Page, Resource
from meshsplit.model import GroupKey
from meshsplit.rollout.observation import GateResult
from meshsplit.rollout.spec import GateSpec, GateType
from meshsplit.rollout.turn import Call
from support.hooks import Hook, make_secret
from support.manifests import NAMESPACE
from support.prometheus import serving
from support.store_api import StoreApi
from support.waiting import eventually
from support.walks import Walk

SECRET = b"between us"


@pytest.fixture
def server() -> Iterator[Hook]:
    with serving(Hook()) as running:
        yield running


class Blindfolded:
    """An API at which no Secret may be read."""

    def get(self, resource: Resource, namespace: str, name: str) -> bytes:
        raise Forbidden(403, "Forbidden", f"{resource.plural} {namespace}/{name}")

    def list_page(self, resource: Resource, **_: Any) -> Page:
        raise Forbidden(403, "Forbidden", resource.plural)

    def watch(self, resource: Resource, **_: Any) -> Any:
        raise Forbidden(403, "Forbidden", resource.plural)

    def close(self) -> None: ...


def make_walk(server: Hook, **gate: object) -> Walk:
    gates = [{"name": "qa", "type": "confirmStep", "url": server.url, "timeout": "5s", **gate}]
    return Walk({"canary": {"stepWeights": [10, 50], "gates": gates}})


def answer(walk: Walk) -> None:
    """Wait until the answer of the call that is under way is in the state."""

    def is_answered() -> bool:
        walk.controller.work()
        return all(call.opened is not None for call in walk.state.gates)

    eventually(is_answered, "the gate's answer")


def walk_to_the_gate(walk: Walk, server: Hook) -> None:
    walk.go()
    while not server.posted:
        walk.tick()
        if walk.state.gates:
            answer(walk)


def test_a_gate_holds_its_step_until_it_opens(server: Hook) -> None:
    walk = make_walk(server, hmacSecret={"name": "hook", "key": "secret"})
    walk.scene.user.create(SECRETS, make_secret("hook", SECRET))
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


def test_a_gate_whose_secret_is_missing_stays_closed_and_says_so(server: Hook) -> None:
    walk = make_walk(server, hmacSecret={"name": "hook", "key": "secret"})
    walk.go()
    while not walk.state.gates:
        walk.tick()
    answer(walk)
    walk.tick()
    assert (walk.weight, server.posted) == (10, [])
    assert "NotFound" in walk.status["lastDecision"]["message"]


def test_a_secret_that_may_not_be_read_says_how_to_grant_it(server: Hook) -> None:
    walk = make_walk(server, hmacSecret={"name": "hook", "key": "secret"})
    api = StoreApi(walk.scene.store)
    walk.start(api)
    walk.controller.gates = GateCalls(SignedPosts(Blindfolded()), walk.controller.enqueue)
    walk.controller.rollouts.gates = walk.controller.gates
    walk.go()
    while not walk.state.gates:
        walk.tick()
    answer(walk)
    walk.tick()
    assert server.posted == []
    said = walk.status["lastDecision"]["message"]
    assert "kubectl create role meshsplit-webhooks -n models --verb=get" in said
    assert "--resource-name=hook" in said


def test_an_answer_that_comes_while_the_state_is_being_written_is_not_lost(server: Hook) -> None:
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


def test_answers_to_a_group_that_is_gone_are_not_kept(server: Hook) -> None:
    walk = make_walk(server)
    walk.controller.queue.shut_down()
    gates, key = walk.controller.gates, walk.live.key
    call = Call("7f3a/confirmStep/qa/500", GateSpec("qa", GateType.CONFIRM_STEP, server.url), {})
    gates.make(key, [call])
    eventually(lambda: gates.find(key), "the gate's answer")
    walk.controller.rollouts.leave(key)
    assert gates.find(key) == ()
    gates.make(key, [call])
    gates.make(GroupKey(NAMESPACE, "other"), [call])
    walk.controller.rollouts.leave(key)
    eventually(lambda: len(server.posted) == 3, "the other calls")
    eventually(lambda: gates.find(GroupKey(NAMESPACE, "other")), "an answer to a group that is there")
    assert gates.find(key) == ()
