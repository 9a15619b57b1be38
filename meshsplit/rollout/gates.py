"""Gates: which webhooks to call, what their answers open, and how a call is signed."""

import hashlib
import hmac
import math
from dataclasses import dataclass, replace

from meshsplit.rollout.observation import GateResult
from meshsplit.rollout.payload import to_payload
from meshsplit.rollout.spec import GateSpec, GateType
from meshsplit.rollout.state import GateCall, RolloutState
from meshsplit.rollout.turn import Call, Turn

SIGNATURE_HEADER = "X-Meshsplit-Signature-256"
LOST_AFTER = 5.0
"""Seconds beyond a gate's timeout after which its answer is not waited for: the process died that asked."""
ANSWER_LASTS = 300.0
"""Seconds that an open gate is taken for open; what it stands before usually follows within one read."""
RETRY_SECONDS = 1.0
"""Seconds before a retry."""
POLL_SECONDS = 15.0
"""Seconds before a closed gate without retries left is asked again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gates of one kind say; `closed` names one that is not open, "" when all are."""

    state: RolloutState
    closed: str = ""
    message: str = ""


def sign(body: bytes, secret: bytes) -> str:
    """The value of the signature header: HMAC-SHA256 of the body (RFC 2104), in hex after `sha256=`."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def take_answers(state: RolloutState, turn: Turn) -> RolloutState:
    """Note what called gates answered; an answer to a call that nobody waits for any more is dropped."""
    answers = {result.call: result for result in turn.seen.gates}
    return replace(state, gates=tuple(_take(call, answers.get(call.call), turn.now) for call in state.gates))


def ask(state: RolloutState, turn: Turn, kind: GateType, weight: int = 0) -> Asked:
    """Ask the gates of a kind, one after the other, for the weight (thousandths) that they stand before.

    Calls that have to be made go to `turn`; as long as one gate has not opened the state waits for it.
    """
    canary = turn.spec.canary
    for gate in canary.gates if canary is not None else ():
        if gate.type is not kind:
            continue
        name = f"{state.id}/{kind}/{gate.name}/{weight}"
        found = next((call for call in state.gates if call.call == name), None)
        call = _follow_up(found, gate, turn.now) or GateCall(name, turn.now)
        if call is not found:
            turn.calls.append(Call(name, gate, _make_payload(state, turn, gate, weight, call)))
            others = tuple(each for each in state.gates if each.call != name)
            state = replace(state, gates=(*others, call))
        if not call.opened and kind is not GateType.POST_ROLLOUT:
            turn.wakes.append(gate.timeout + LOST_AFTER if call.opened is None else POLL_SECONDS)
            return Asked(state, gate.name, call.message or "no answer yet")
    return Asked(state)


def settle(state: RolloutState) -> RolloutState:
    """Forget the calls of a step that is done; those after the rollout are still waited for."""
    kept = tuple(call for call in state.gates if f"/{GateType.POST_ROLLOUT}/" in call.call)
    return replace(state, gates=kept)


def chase(state: RolloutState, turn: Turn) -> RolloutState:
    """Call what comes after a rollout again where that failed or got lost, as often as it may be retried."""
    calls = []
    for call in state.gates:
        gate = _find_post(turn, call)
        if gate is None:
            calls.append(call)
            continue
        after = _follow_up(call, gate, turn.now)
        if call.opened or after is None or (after is not call and call.attempts > gate.retries):
            continue
        if after is not call:
            turn.calls.append(Call(call.call, gate, _make_payload(state, turn, gate, 0, after)))
        turn.wakes.append(gate.timeout + LOST_AFTER)
        calls.append(after)
    return replace(state, gates=tuple(calls))


def _find_post(turn: Turn, call: GateCall) -> GateSpec | None:
    """The gate of a call after a rollout; None for any other call."""
    _, kind, rest = call.call.split("/", 2)
    name = rest.rsplit("/", 1)[0]
    gates = turn.spec.canary.gates if turn.spec.canary is not None else ()
    wanted = (name, GateType.POST_ROLLOUT)
    if kind != GateType.POST_ROLLOUT:
        return None
    return next((gate for gate in gates if (gate.name, gate.type) == wanted), None)


def _take(call: GateCall, result: GateResult | None, now: float) -> GateCall:
    if result is None or call.opened is not None:
        return call
    return replace(call, opened=result.opened, answered_at=now, message=result.message)


def _follow_up(call: GateCall | None, gate: GateSpec, now: float) -> GateCall | None:
    """The call as it stands, or made once more; None when it was never made."""
    if call is None:
        return None
    waited = now - (call.asked_at if call.opened is None else call.answered_at)
    retry = call.attempts <= gate.retries
    if call.opened is None:
        patience = gate.timeout + LOST_AFTER
    elif call.opened:
        patience = ANSWER_LASTS if gate.type is not GateType.POST_ROLLOUT else math.inf
    else:
        patience = RETRY_SECONDS if retry else POLL_SECONDS
    # A clock that was set back must not make one wait for as long again.
    if 0.0 <= waited < patience:
        return call
    attempts = call.attempts + 1 if retry and not call.opened else 1
    return GateCall(call.call, now, attempts, message=call.message)


def _make_payload(
    state: RolloutState, turn: Turn, gate: GateSpec, weight: int, call: GateCall
) -> dict[str, object]:
    return {
        "id": call.call,
        "attempt": call.attempts,
        "type": str(gate.type),
        "gate": gate.name,
        **to_payload(state, turn),
        "toThousandths": weight,
        "time": turn.now,
    }
