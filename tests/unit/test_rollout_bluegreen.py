"""Blue/green: a flip by a person or after checks, the way back, and who sees the other side."""

from meshsplit.model import Diversion, MatchKind, StringMatch
from meshsplit.rollout.observation import PreviewSeen
from meshsplit.rollout.state import Act, Phase
from support.rollouts import Play, blue_green, split

BLUE, GREEN = split(a=100, b=0), split(a=0, b=100)
CHECKS = {"minRequests": 500, "maxErrorPercent": "0.5", "within": "10m"}


def test_a_new_group_serves_its_target_at_once() -> None:
    play = Play(blue_green(), BLUE, live=None, stable=None)
    assert play.step().outcome.split == BLUE


def test_a_new_target_waits_for_a_person() -> None:
    play = Play(blue_green(), GREEN)
    play.step()
    play.step(86_400)
    assert (play.state.phase, play.state.serving) == (Phase.AWAITING_PROMOTION, BLUE)
    play.ask("flip", note="CHG-1022")
    assert (play.state.phase, play.state.serving) == (Phase.PROMOTED, GREEN)
    assert play.events == ["Flipped"]


def test_promote_is_a_flip_to_the_target() -> None:
    play = Play(blue_green(), GREEN)
    play.step()
    play.ask("promote")
    assert (play.state.phase, play.state.serving) == (Phase.PROMOTED, GREEN)


def test_an_automatic_flip_needs_what_the_checks_ask() -> None:
    play = Play(blue_green(autoPromotionEnabled=True, prePromotionChecks=CHECKS), GREEN)
    play.step()
    this = play.state.id
    for seen in (
        None,
        PreviewSeen(this, "b", 499, 0),
        PreviewSeen(this, "b", 1000, 6),
        PreviewSeen(this, "a", 1000, 0),
        PreviewSeen("the one before", "b", 1000, 0),
    ):
        play.step(15, preview=seen)
        assert (play.state.serving, play.state.waiting) == (BLUE, "ChecksPending")
    play.step(15, preview=PreviewSeen(this, "b", 1000, 5))
    assert play.state.serving == GREEN
    assert play.state.history[-1].reason == "ChecksPassed"


def test_without_checks_an_automatic_flip_waits_for_readiness_only() -> None:
    play = Play(blue_green(autoPromotionEnabled=True), GREEN, unready="b")
    play.step()
    assert play.state.serving == BLUE
    play.unready = ""
    assert play.step(1).outcome.split == GREEN


def test_a_side_that_is_not_ready_is_not_flipped_to_by_anybody() -> None:
    play = Play(blue_green(), GREEN, unready="b")
    play.step()
    play.ask("flip")
    assert play.state.handled is not None
    assert play.state.handled.message == "b is not Ready and may not get more traffic"
    assert play.state.serving == BLUE


def test_a_flip_away_from_the_target_lasts_until_the_target_changes() -> None:
    play = Play(blue_green(), BLUE)
    play.step()
    play.ask("flip")
    for _ in range(5):
        play.step(60)
    assert (play.state.serving, play.state.phase) == (GREEN, Phase.STEADY)
    play.target = GREEN
    play.step(60)
    play.target = BLUE
    assert play.step(60).outcome.split == BLUE


def test_the_old_side_is_kept_and_rollback_goes_back_to_it() -> None:
    play = Play(blue_green(scaleDownDelay="30m"), BLUE)
    play.step()
    play.ask("flip")
    kept = play.state.kept
    assert kept is not None
    assert (kept.member, kept.until) == ("a", play.now + 1800)
    play.step(1800)
    assert play.state.kept is None
    play.ask("rollback")
    assert (play.state.serving, play.state.phase) == (BLUE, Phase.STEADY)


def test_flip_says_what_it_cannot_do() -> None:
    play = Play(blue_green(), split(a=100, b=0, c=0), live=split(a=100, b=0, c=0), names="abc")
    play.step()
    play.ask("flip")
    assert play.state.handled is not None
    assert play.state.handled.message == "flip does not say to which of a, b, c"
    play.ask("flip", member="a")
    assert play.state.handled.message == "a is active already"
    play.ask("flip", member="c")
    assert play.state.serving == split(a=0, b=0, c=100)


def test_abort_gives_the_new_target_up() -> None:
    play = Play(blue_green(), GREEN)
    play.step()
    play.ask("abort")
    play.step(3600)
    assert (play.state.phase, play.state.serving) == (Phase.ABORTED, BLUE)


def test_the_preview_header_reaches_the_side_that_is_not_active() -> None:
    play = Play(blue_green(preview={"headerName": "X-Meshsplit-Preview"}), BLUE)
    header = (("x-meshsplit-preview", StringMatch(MatchKind.EXACT, "g")),)
    assert play.step().outcome.diversion == Diversion("b", (header,))
    play.ask("flip")
    assert play.last is not None
    assert play.last.outcome.diversion == Diversion("a", (header,))
    play.unready = "a"
    assert play.step(1).outcome.diversion is None


def test_the_global_stop_and_a_pause_hold_automatic_flips() -> None:
    play = Play(blue_green(autoPromotionEnabled=True), GREEN)
    play.step(stopped=True)
    assert play.state.serving == BLUE
    play.ask("pause", rollout="")
    play.step(60)
    assert play.state.serving == BLUE
    play.ask("resume", rollout="")
    assert play.state.serving == GREEN
    assert [record.act for record in play.state.history] == [Act.ADOPT, Act.FLIP]
