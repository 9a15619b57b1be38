"""What happens beside the split: testers and previews reach a member without weight, copies go to one."""

from meshsplit.model import Diversion, MatchKind, Shadow, StringMatch
from meshsplit.rollout.bluegreen import find_inactive
from meshsplit.rollout.splits import to_thousandths
from meshsplit.rollout.state import RolloutState
from meshsplit.rollout.turn import Turn


def find_diversion(state: RolloutState, turn: Turn) -> Diversion | None:
    """The requests that go to one member whatever the weights: none to a member that is not ready.

    Those of `match` reach the canary while its rollout has not ended; those of a preview always reach the
    side that is not active.
    """
    canary, blue_green = turn.spec.canary, turn.spec.blue_green
    if canary is not None and canary.match and state.active and state.leg is not None:
        return _divert(state.leg.canary, canary.match, turn)
    if blue_green is None or blue_green.preview is None:
        return None
    headers = ((blue_green.preview, StringMatch(MatchKind.EXACT, turn.group.key.name)),)
    return _divert(find_inactive(state, turn), (headers,), turn)


def find_shadow(state: RolloutState, turn: Turn) -> Shadow | None:
    """Who gets copies: the named member, while its rollout has not ended and before it has traffic."""
    shadow = turn.spec.canary.shadow if turn.spec.canary is not None else None
    if shadow is None or not state.active or state.leg is None or shadow.member != state.leg.canary:
        return None
    has_traffic = state.serving is not None and to_thousandths(state.serving).get(shadow.member)
    return None if has_traffic or shadow.member in turn.unready else shadow


def _divert(
    member: str | None, headers: tuple[tuple[tuple[str, StringMatch], ...], ...], turn: Turn
) -> Diversion | None:
    if member is None or member not in turn.names or member in turn.unready:
        return None
    return Diversion(member, headers)
