"""Gates: asked before each move, retried, polled, and asked again when an answer got lost."""

from meshsplit.rollout.gates import sign
from meshsplit.rollout.observation import GateResult
from meshsplit.rollout.state import Phase
from support.rollouts import Play, canary, split

TO_B = split(a=0, b=100)


def make_gate(kind: str, **fields: object) -> dict[str, object]:
    return {"name": "qa", "type": kind, "url": "https://qa.example.com/ok", **fields}


def make_play(*gates: dict[str, object]) -> Play:
    return Play(canary(gates=list(gates)), TO_B)


def calls_of(play: Play) -> list[str]:
    assert play.last is not None
    return [call.call for call in play.last.calls]


def test_a_rollout_starts_when_its_gate_opens() -> None:
    play = make_play(make_gate("preRollout"))
    play.step()
    (call,) = calls_of(play)
    assert (play.weight, play.state.waiting) == (0, "GateClosed")
    assert call == f"{play.state.id}/preRollout/qa/0"
    play.step(1, gates=(GateResult(call, False, "503"),))
    assert play.weight == 0
    play.step(1, gates=(GateResult(call, True),))
    assert play.weight == 0  # the answer was no; it has to be asked again first
    play.step(15)
    play.step(1, gates=(GateResult(call, True),))
    assert play.weight == 50


def test_the_payload_says_what_is_asked() -> None:
    play = make_play(make_gate("preRollout"))
    done = play.step()
    payload = done.calls[0].payload
    assert (payload["namespace"], payload["name"], payload["canary"]) == ("ns", "g", "b")
    assert (payload["type"], payload["rollout"]) == ("preRollout", play.state.id)
    assert done.calls[0].gate.url == "https://qa.example.com/ok"


def test_a_call_is_not_made_twice_while_its_answer_is_waited_for() -> None:
    play = make_play(make_gate("preRollout"))
    play.step()
    for _ in range(14):
        play.step(1)
        assert calls_of(play) == []


def test_a_call_whose_answer_got_lost_is_made_again() -> None:
    play = make_play(make_gate("preRollout", timeout="10s"))
    play.step()
    play.step(15)
    assert len(calls_of(play)) == 1


def test_a_failed_call_is_retried_at_once_as_often_as_it_may_be() -> None:
    play = make_play(make_gate("preRollout", retries=2))
    play.step()
    (call,) = calls_of(play)
    attempts = []
    for _ in range(3):
        play.step(0, gates=(GateResult(call, False, "timeout"),))
        play.step(1)
        attempts.append(len(calls_of(play)))
    assert attempts == [1, 1, 0]
    play.step(15)
    assert calls_of(play) == [call]


def test_every_step_is_confirmed_and_promotion_by_its_own_gate() -> None:
    play = make_play(make_gate("confirmStep"), make_gate("confirmPromotion", name="boss"))
    play.step()
    asked = []
    while play.state.active:
        results = tuple(GateResult(call, True) for call in calls_of(play))
        asked += calls_of(play)
        play.read(gates=results)
    *steps, promotion = [call.split("/", 1)[1] for call in asked]
    assert steps == ["confirmStep/qa/100", "confirmStep/qa/250", "confirmStep/qa/500"]
    assert promotion == "confirmPromotion/boss/1000"


def test_a_closed_gate_holds_the_step_and_stops_the_clock() -> None:
    play = make_play(make_gate("confirmStep"))
    play.step()
    play.read()
    play.read()
    measure = play.state.measure
    assert measure is not None
    for _ in range(100):
        play.read(gates=tuple(GateResult(call, False, "403") for call in calls_of(play)))
    after = play.state.measure
    assert after is not None
    assert (play.weight, play.state.waiting, after.elapsed) == (50, "GateClosed", measure.elapsed)
    assert play.state.last is not None
    assert play.state.last.message == "gate qa: 403"


def test_harm_rolls_back_whatever_a_gate_says() -> None:
    play = make_play(make_gate("confirmStep"))
    play.step()
    for _ in range(10):
        play.read_bad(0.3)
    assert play.state.phase is Phase.ROLLED_BACK


def test_a_gate_may_ask_for_a_rollback() -> None:
    play = make_play(make_gate("rollback"))
    play.step()
    play.read()
    (call,) = calls_of(play)
    play.read(gates=(GateResult(call, False, "404"),))
    assert play.state.phase is Phase.PROGRESSING
    play.read()
    play.read(gates=(GateResult(call, True),))
    assert (play.state.phase, play.weight) == (Phase.ROLLED_BACK, 0)
    assert play.state.rejection is not None
    assert play.state.rejection.why == "RollbackGate"


def test_what_comes_after_a_rollout_is_called_until_it_is_answered() -> None:
    play = make_play(make_gate("postRollout", retries=1))
    play.step()
    play.ask("promote")
    (call,) = calls_of(play)
    play.step(1, gates=(GateResult(call, False, "500"),))
    play.step(1)
    assert calls_of(play) == [call]
    play.step(1, gates=(GateResult(call, True),))
    play.step(60)
    assert (calls_of(play), play.state.gates) == ([], ())


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    play = make_play(make_gate("preRollout"))
    play.step()
    play.step(1, gates=(GateResult("other/preRollout/qa/0", True),))
    assert play.weight == 0


def test_calls_are_signed_with_hmac_sha256() -> None:
    # The second test case of RFC 4231.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(b"what do ya want for nothing?", b"Jefe") == f"sha256={expected}"
