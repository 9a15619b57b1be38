"""What is foreseen of a rollout is what then happens, and what cannot be foreseen is said."""

from dataclasses import replace
from typing import Any

import pytest

from meshsplit.analysis.walk import Act
from meshsplit.cli.outlooktext import read_outlook, say_outlook, to_outlook_report
from meshsplit.cli.splits import to_live_split
from meshsplit.rollout.outlook import MOST_READS, Outlook, Untold, find_outlook
from meshsplit.rollout.requests import Verb
from meshsplit.rollout.spec import RolloutSpec
from meshsplit.rollout.state import Phase
from meshsplit.rollout.storage import to_text
from support.liverollouts import make_rollout
from support.rollouts import READ_SECONDS, Play, bad_counts, canary, good_counts, make_spec, split

TARGET = split(a=0, b=100)


def begin(spec: RolloutSpec | None = None, reads: int = 0, rate: float = 0.002, **fields: Any) -> Play:
    """A rollout under way whose canary was read that often and fails at that rate."""
    play = Play(spec or canary(), TARGET, **fields)
    play.step()
    for _ in range(reads):
        play.read(bad_counts(play.weight, rate))
    return play


def outlook_of(play: Play) -> Outlook:
    found = find_outlook(play.state, play.spec)
    assert isinstance(found, Outlook), found
    return found


def why_untold(play: Play) -> str:
    found = find_outlook(play.state, play.spec)
    assert isinstance(found, Untold), found
    return found.why


@pytest.mark.parametrize("strategy", [{"stepWeights": [5, 10, 25, 50]}, {}], ids=["steps", "evidence"])
def test_every_forecast_on_the_way_is_what_then_happens(strategy: dict[str, Any]) -> None:
    play = begin(make_spec({"canary": strategy}), reads=1)
    told: list[tuple[float, Outlook, int]] = []
    while play.state.active:
        told.append((play.now, outlook_of(play), play.weight))
        play.read()
    assert play.state.phase is Phase.PROMOTED
    weights = [(at, weight) for at, _, weight in told]
    for at, outlook, weight in told:
        assert outlook.traffic == pytest.approx(120.0, rel=0.01)
        assert outlook.healthy.act is Act.PROMOTE
        assert outlook.healthy.seconds == pytest.approx(play.now - at, abs=2 * READ_SECONDS)
        following = next((later for later, reached in weights if reached > weight), None)
        assert (outlook.healthy.next_weight is None) == (following is None)
        if following is not None:
            assert outlook.healthy.next_seconds == pytest.approx(following - at, abs=2 * READ_SECONDS)


def test_a_canary_that_goes_on_failing_is_rolled_back_when_it_was_foreseen() -> None:
    play = begin(reads=3, rate=0.008)
    failing = outlook_of(play).failing
    assert failing is not None
    assert failing.act is Act.ROLLBACK
    at = play.now
    while play.state.active:
        play.read(bad_counts(play.weight, 0.008))
    assert play.state.phase is Phase.ROLLED_BACK
    assert failing.seconds == pytest.approx(play.now - at, abs=2 * READ_SECONDS)


def test_a_canary_that_fails_no_more_often_has_no_rollback_to_foresee() -> None:
    assert outlook_of(begin(reads=2)).failing is None


def test_no_verdict_in_time_is_foreseen_with_what_it_would_take() -> None:
    short = outlook_of(begin(make_spec({"canary": {}}, analysis={"deadline": "1m"}), reads=1))
    assert short.healthy.act is Act.INCONCLUSIVE
    assert short.healthy.seconds == pytest.approx(45.0)
    assert 60.0 < short.needed < 600.0
    margin = {"metrics": [{"name": "error-rate", "margin": {"ratio": "1"}}]}
    never = outlook_of(begin(make_spec({"canary": {"stepWeights": [5]}}, analysis=margin), reads=1))
    assert (never.healthy.act, never.needed) == (Act.INCONCLUSIVE, float("inf"))


def test_the_traffic_of_two_in_a_group_of_three_is_that_of_the_group() -> None:
    start, target = split(a=80, b=0, c=20), split(a=0, b=80, c=20)
    play = Play(canary(), target, start, names="abc", revisions={"a": "1", "b": "1", "c": "1"})
    play.step()
    both = good_counts(play.weight)
    stable = round(both.stable_requests * 0.75 / 0.95)
    play.read(replace(both, stable_requests=stable, stable_bad=1))
    assert outlook_of(play).traffic == pytest.approx(120.0, rel=0.01)


def test_what_cannot_be_foreseen_says_why() -> None:
    assert why_untold(Play(canary(), TARGET)) == "no rollout is under way"
    assert why_untold(begin()) == "nothing was read for this rollout yet"
    play = begin(reads=1)
    play.ask(Verb.PAUSE)
    assert why_untold(play) == "it waits (Paused), and its clock stands"
    nobody = begin()
    nobody.read(good_counts(0))
    assert why_untold(nobody) == "no request to b was counted yet"
    blind = begin(reads=1)
    blind.read_nothing()
    assert why_untold(blind) == "the last read brought no evidence"
    far = {"deadline": f"{round(MOST_READS * READ_SECONDS / 3600) + 1}h"}
    assert why_untold(begin(make_spec({"canary": {}}, analysis=far), reads=1)).startswith("its deadline is")


def told(play: Play) -> str:
    """The sentences about a ModelSplit that keeps this state."""
    spec = {"modelTag": "mnist", "strategy": {"canary": {"stepWeights": [5, 10, 25, 50]}}}
    body = make_rollout(checkpoint=to_text(play.state))
    return " ".join(say_outlook(read_outlook(to_live_split({**body, "spec": spec}))))


def test_people_read_requests_time_and_traffic() -> None:
    assert told(begin(reads=2)) == (
        "If b is as good as a, at the 120 req/s so far: on to 25% after about 360 more requests to it (30s); "
        "promoted after about 4,900 (2m)."
    )
    assert told(begin(reads=6)) == (
        "If b is as good as a, at the 120 req/s so far: promoted after about 3,600 more requests to it (1m)."
    )
    assert "If it goes on failing as often as it did: rolled back after about " in told(
        begin(reads=2, rate=0.02)
    )
    assert told(begin()) == "How much longer it takes cannot be said: nothing was read for this rollout yet."


def test_a_person_and_what_is_not_foreseen_are_named() -> None:
    gates = [{"name": "qa", "type": "confirmStep", "url": "http://qa"}]
    found = outlook_of(begin(canary(onComplete="Hold", gates=gates), reads=1))
    said = " ".join(say_outlook(found))
    assert "for a person to promote after about" in said
    assert said.endswith("Not foreseen, and may take longer: gates.")


def test_what_another_version_kept_is_no_error() -> None:
    split_of_another = to_live_split(make_rollout(checkpoint="{"))
    assert to_outlook_report(read_outlook(split_of_another)) == {
        "why": "what the controller remembers is of another version",
        "traffic": None,
        "healthy": None,
        "failing": None,
    }
    assert to_outlook_report(read_outlook(to_live_split(make_rollout(phase=Phase.PROMOTED)))) is None


def test_a_report_has_the_same_figures() -> None:
    report = to_outlook_report(outlook_of(begin(reads=2)))
    assert report is not None
    assert report["healthy"] == {
        "outcome": "Promoted",
        "seconds": 120,
        "canaryRequests": 4860,
        "nextWeight": 25.0,
        "nextSeconds": 30,
    }
