"""Which Events a change of status is worth."""

from datetime import UTC, datetime, timedelta

from meshsplit.api.status import ModelSplitStatus
from meshsplit.controller.transitions import SETTLE_SECONDS, Happening, find_happenings
from meshsplit.diagnostics import ObjectRef

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SPLIT = ObjectRef("ModelSplit", "ns", "g")


def status_of(
    a: int | None, b: int | None, *conditions: tuple[str, str, str], total: int = 100
) -> ModelSplitStatus:
    return ModelSplitStatus.model_validate(
        {
            "total": total,
            "members": [
                {"name": "a", "weight": a, "targetWeight": a, "ready": True},
                {"name": "b", "weight": b, "targetWeight": 20, "ready": False},
            ],
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": "why",
                    "lastTransitionTime": "2026-01-02T03:04:05Z",
                }
                for kind, status, reason in conditions
            ],
        }
    )


def tell(
    old: ModelSplitStatus, new: ModelSplitStatus, now: datetime = NOW, version: int = 1
) -> tuple[list[tuple[str, str]], float]:
    happenings, later = find_happenings(SPLIT, version, old, new, now)
    return [(happening.regarding.name, happening.reason) for happening in happenings], later


def only(old: ModelSplitStatus, new: ModelSplitStatus, version: int = 1) -> Happening:
    (happening,), _ = find_happenings(SPLIT, version, old, new, NOW)
    return happening


def test_a_change_of_weights_is_told_once_with_both_ends() -> None:
    happening = only(status_of(80, 20), status_of(50, 50))
    assert (happening.reason, happening.type) == ("WeightChanged", "Normal")
    assert happening.message == "a 80 → 50, b 20 → 50"
    assert tell(status_of(50, 50), status_of(50, 50)) == ([], 0.0)


def test_the_first_split_and_the_last_are_changes_too() -> None:
    assert only(ModelSplitStatus(), status_of(80, 20)).message == "a - → 80, b - → 20"
    assert only(status_of(80, 20), status_of(None, None)).message == "a 80 → -, b 20 → -"


def test_the_same_share_of_another_total_is_no_change() -> None:
    assert tell(status_of(80, 20), status_of(800, 200, total=1000))[0] == [("g", "WeightChanged")]
    assert only(status_of(80, 20), status_of(805, 195, total=1000)).message == "a 80 → 80.5, b 20 → 19.5"


def test_wrong_weights_are_told_only_when_they_have_lasted() -> None:
    wrong = status_of(80, 20, ("WeightsValid", "False", "SumNot100"))
    assert tell(wrong, wrong) == ([], SETTLE_SECONDS)
    assert tell(wrong, wrong, NOW + timedelta(seconds=4)) == ([], SETTLE_SECONDS - 4)
    told, later = tell(wrong, wrong, NOW + timedelta(seconds=SETTLE_SECONDS))
    assert told == [("g", "WeightsInvalid"), ("a", "WeightsInvalid"), ("b", "WeightsInvalid")]
    assert later == 0.0


def test_routes_that_are_not_accepted_are_told_at_once() -> None:
    foreign = status_of(80, 20, ("RoutesAccepted", "False", "ForeignVirtualService"))
    assert tell(foreign, foreign)[0] == [("g", "ForeignVirtualService")]
    refused = status_of(80, 20, ("RoutesAccepted", "False", "RouteRejected"))
    assert tell(refused, refused)[0] == [("g", "RouteRejected")]


def test_a_member_that_is_waited_for_is_told_itself() -> None:
    waiting = status_of(100, 0, ("Ready", "False", "MemberNotReady"))
    assert tell(waiting, waiting)[0] == [("g", "MemberNotReady"), ("b", "MemberNotReady")]


def test_the_name_of_an_event_is_that_of_its_transition() -> None:
    first = only(status_of(80, 20), status_of(50, 50), version=7)
    assert first == only(status_of(80, 20), status_of(50, 50), version=7)
    assert first.name != only(status_of(80, 20), status_of(50, 50), version=9).name
    assert first.name.startswith("g.")
