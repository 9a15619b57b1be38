"""What a person's requests do: each is done once, or refused with a reason."""

from collections.abc import Callable
from dataclasses import replace

from meshsplit.analysis.ramp import GROWTH
from meshsplit.model import FULL, Split, Strategy
from meshsplit.rollout import bluegreen, canary
from meshsplit.rollout.ends import begin, end, find_end
from meshsplit.rollout.history import disown, find_way_back
from meshsplit.rollout.leg import find_following, make_ramp
from meshsplit.rollout.requests import Request, Unreadable, Verb
from meshsplit.rollout.splits import drop_lost, is_same, list_members, to_thousandths
from meshsplit.rollout.state import Act, Answer, Override, Pause, Phase, Rejection, RolloutState
from meshsplit.rollout.turn import Turn, decide

_GUARDED = frozenset({Verb.PROMOTE, Verb.ABORT, Verb.RETRY})
"""Verbs that name the rollout they are for."""
BY_HAND = "Requested"


class Refused(Exception):  # noqa: N818 - it says what became of a request
    """A request cannot be done now; the message says why."""


def answer_request(state: RolloutState, turn: Turn) -> RolloutState:
    """Do what a person asks, or say why not; once."""
    request = turn.seen.request
    if request is None or (state.handled is not None and state.handled.token == request.token):
        return state
    if isinstance(request, Unreadable):
        return _refuse(state, turn, request.token, request.message)
    try:
        _check_guard(state, request)
        done = _ANSWERS[request.verb](state, turn, request)
    except Refused as refused:
        return _refuse(state, turn, request.token, str(refused))
    message = done.last.message if done.last is not None else ""
    return replace(done, handled=Answer(request.token, True, message))


def _refuse(state: RolloutState, turn: Turn, token: str, message: str) -> RolloutState:
    turn.tell(state, "RequestRefused", message, warning=True)
    return replace(state, handled=Answer(token, False, message))


def _check_guard(state: RolloutState, request: Request) -> None:
    if request.rollout and request.rollout != state.id:
        current = f"the last one is {state.id}" if state.id else "there was none yet"
        raise Refused(f"{request.verb} is for rollout {request.rollout}, {current}")
    if request.verb in _GUARDED and state.id and not request.rollout:
        raise Refused(f"{request.verb} does not say which rollout it is for")


def _promote(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    leg = state.leg
    if not state.active or leg is None:
        raise Refused("there is no rollout to promote")
    if turn.target is None:
        raise Refused("the target is invalid, so there is nothing to promote to")
    if state.override is not None:
        raise Refused("an override is in force; clear it first")
    goal = find_end(state, leg, turn)
    _check_ready(state, turn, leg.end if request.step else goal)
    why = request.note or "as requested"
    if turn.spec.strategy is Strategy.BLUE_GREEN:
        return bluegreen.flip(state, turn, goal, BY_HAND, why, request.by, request.note)
    if request.step:
        stepped = _promote_step(state, turn, request, why)
        if stepped is not None:
            return stepped
    return canary.promote(state, leg, turn, BY_HAND, why, goal=goal, by=request.by, note=request.note)


def _promote_step(state: RolloutState, turn: Turn, request: Request, why: str) -> RolloutState | None:
    """To the next step; None when there is none but the end."""
    leg, measure = state.leg, state.measure
    if leg is None or measure is None:
        return None if leg is None else canary.start(state, leg, turn, BY_HAND, why, request.by)
    ramp = make_ramp(leg, turn.spec.policy.course.ramp)
    following = find_following(ramp, measure.weight, GROWTH)
    if following is None:
        return None
    return canary.raise_weight(state, measure, leg, turn, following, BY_HAND, why, by=request.by)


def _pause(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    if state.pause is not None and state.pause.freeze == request.freeze:
        raise Refused("it is paused already")
    pause = Pause(turn.now, request.freeze, request.by, request.note)
    kind = "frozen: a breach does not roll back" if request.freeze else "paused: a breach still rolls back"
    note = f"; {request.note}" if request.note else ""
    return decide(replace(state, pause=pause), turn, Act.PAUSE, BY_HAND, f"{kind}{note}", by=request.by)


def _resume(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    if state.pause is None:
        raise Refused("it is not paused")
    message = f"resumed{f'; {request.note}' if request.note else ''}"
    return decide(replace(state, pause=None), turn, Act.RESUME, BY_HAND, message, by=request.by)


def _abort(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    leg = state.leg
    if not state.active or leg is None:
        raise Refused("there is no rollout to abort")
    message = f"aborted, back to {leg.start}{f'; {request.note}' if request.note else ''}"
    state = replace(state, override=None, pause=None)
    return end(
        state,
        turn,
        Phase.ABORTED,
        Act.ABORT,
        BY_HAND,
        message,
        goal=leg.start,
        by=request.by,
        note=request.note,
    )


def _retry(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    if state.phase is Phase.INCONCLUSIVE and state.leg is not None and state.target is not None:
        again = begin(state, turn, state.target, state.leg.start)
        message = f"{state.target} is tried again{f'; {request.note}' if request.note else ''}"
        return decide(
            again, turn, Act.RESTART, BY_HAND, message, goal=state.leg.start, good=True, by=request.by
        )
    if state.rejection is None:
        raise Refused("no target is rejected, so there is nothing to retry")
    message = f"{state.rejection.target} is tried again{f'; {request.note}' if request.note else ''}"
    state = replace(state, rejection=None, phase=Phase.STEADY)
    return decide(state, turn, Act.RESUME, BY_HAND, message, by=request.by)


def _set_weight(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    split = request.split
    if split is None:
        raise Refused("set-weight does not say which weights")
    unknown = sorted({name for name, _ in split.weights} - turn.names)
    if unknown:
        raise Refused(f"{', '.join(unknown)} are not members; there are {', '.join(sorted(turn.names))}")
    split = list_members(split, turn.names)
    _check_ready(state, turn, split)
    override = Override(split, turn.now + request.seconds, request.by, request.note)
    message = f"{split} for {request.seconds:g}s{f'; {request.note}' if request.note else ''}"
    state = replace(state, override=override)
    return decide(state, turn, Act.OVERRIDE, BY_HAND, message, given=split, by=request.by, note=request.note)


def _clear_weight(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    if state.override is None:
        raise Refused("there is no override")
    return release(state, turn, BY_HAND, f"override cleared, back to {state.goal}", request.by)


def release(state: RolloutState, turn: Turn, reason: str, message: str, by: str = "") -> RolloutState:
    """End an override; a rollout goes on where it was, its stay on that weight begins anew."""
    measure = state.measure
    if measure is not None:
        state = replace(state, measure=replace(measure, since=measure.elapsed, reads=0))
    state = replace(state, override=None)
    return decide(state, turn, Act.RELEASE, reason, message, given=state.goal, by=by)


def _flip(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    if turn.spec.strategy is not Strategy.BLUE_GREEN:
        raise Refused("flip is for groups with a blueGreen strategy")
    if state.override is not None:
        raise Refused("an override is in force; clear it first")
    to = request.member or bluegreen.find_inactive(state, turn)
    if to is None or to not in turn.names:
        raise Refused(f"flip does not say to which of {', '.join(sorted(turn.names))}")
    if to == bluegreen.find_active(state.goal):
        raise Refused(f"{to} is active already")
    goal = list_members(Split(((to, FULL),)), turn.names)
    _check_ready(state, turn, goal)
    why = request.note or bluegreen.say_preview(state, turn, to)
    return bluegreen.flip(state, turn, goal, BY_HAND, why, request.by, request.note)


def _roll_back(state: RolloutState, turn: Turn, request: Request) -> RolloutState:
    serving = state.goal
    record = find_way_back(state.history, serving, request.to) if serving is not None else None
    split = drop_lost(record.split, turn.names) if record is not None else None
    if record is None or split is None:
        raise Refused("the history has no good split to go back to")
    _check_ready(state, turn, split)
    target = state.target if state.active else turn.target
    state = replace(state, override=None, history=disown(state.history, record.number))
    message = f"back to {split}, number {record.number} of the history"
    message += f"; {request.note}" if request.note else ""
    ended = end(
        state,
        turn,
        Phase.ROLLED_BACK,
        Act.ROLLBACK,
        BY_HAND,
        message,
        goal=split,
        by=request.by,
        note=request.note,
    )
    if target is None or is_same(split, target):
        return replace(ended, phase=Phase.STEADY, rejection=None)
    leg = state.leg if state.active else None
    rejection = Rejection(target, BY_HAND, leg.canary if leg else "", state.revision if leg else "")
    return replace(ended, rejection=rejection)


def _check_ready(state: RolloutState, turn: Turn, goal: Split) -> None:
    has = to_thousandths(state.serving) if state.serving is not None else {}
    wanted = to_thousandths(goal)
    held = sorted(name for name in turn.unready if wanted.get(name, 0) > has.get(name, 0))
    if held:
        raise Refused(f"{', '.join(held)} is not Ready and may not get more traffic")


_ANSWERS: dict[Verb, Callable[[RolloutState, Turn, Request], RolloutState]] = {
    Verb.PROMOTE: _promote,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.ABORT: _abort,
    Verb.RETRY: _retry,
    Verb.SET_WEIGHT: _set_weight,
    Verb.CLEAR_WEIGHT: _clear_weight,
    Verb.FLIP: _flip,
    Verb.ROLLBACK: _roll_back,
}
