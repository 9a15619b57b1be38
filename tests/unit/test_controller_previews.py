"""A flip that waits for what its new side answers: counted lately, of this content, or not at all."""

from typing import Any

from meshsplit.analysis.metrics import Trouble, Unavailable
from support.fleet import SERVICES
from support.manifests import NAMESPACE
from support.walks import Walk

CHECKS = {"minRequests": 100, "maxErrorPercent": "1", "within": "1m"}
DOWN = Unavailable(Trouble.UNREACHABLE, "refused")


def await_checks(**checks: Any) -> Walk:
    """A group whose new side is to be flipped to by itself; its counters are followed already."""
    strategy = {"autoPromotionEnabled": True, "prePromotionChecks": {**CHECKS, **checks}}
    walk = Walk({"blueGreen": strategy})
    walk.go()
    walk.tick()
    return walk


def preview(walk: Walk, requests: int, bad: int = 0) -> None:
    """So many requests reach the new side until the next look at the counters."""
    walk.source.serve(walk.canary, requests - bad, bad)
    walk.tick()


def why(walk: Walk) -> str:
    return str(walk.status["lastDecision"]["message"])


def test_enough_good_requests_of_the_preview_flip() -> None:
    walk = await_checks()
    assert why(walk) == "no preview request of mnist-v2 was counted"
    preview(walk, 60)
    assert (walk.weight, why(walk)) == (0, "60 of 100 preview requests in 60s")
    preview(walk, 40, 1)
    assert (walk.phase, walk.weight) == ("Promoted", 100)
    assert "100 preview requests, 1 failed" in why(walk)
    reads = len(walk.source.reads)
    walk.tick()
    assert len(walk.source.reads) == reads, "it is read on although nothing is left to decide"


def test_only_the_checks_time_counts() -> None:
    walk = await_checks()
    preview(walk, 90)
    for _ in range(7):
        walk.tick()
    preview(walk, 90)
    assert (walk.weight, why(walk)) == (0, "90 of 100 preview requests in 60s")


def test_failures_hold_until_they_are_long_ago() -> None:
    walk = await_checks()
    preview(walk, 200, 10)
    preview(walk, 200)
    assert (walk.weight, why(walk)) == (0, "10 of 400 preview requests failed, at most 1.00% may")
    for _ in range(7):
        preview(walk, 20)
    assert walk.weight == 100


def test_without_an_answer_nothing_is_flipped_to_however_good_it_was() -> None:
    walk = await_checks()
    preview(walk, 200, 10)
    preview(walk, 99)
    walk.source.trouble = DOWN
    for _ in range(20):
        walk.tick()
        assert (walk.weight, why(walk)) == (0, "error-rate: refused")
    assert walk.condition("MetricsAvailable") == ("False", "SourceUnreachable")
    walk.source.trouble = None
    # The read that covers the outage tells of more than a minute ago.
    preview(walk, 500)
    assert walk.weight == 0
    preview(walk, 100)
    assert walk.weight == 100


def test_a_pause_flips_to_nothing_that_was_seen_long_ago() -> None:
    walk = await_checks()
    walk.ask("pause", '{"token": "1"}')
    preview(walk, 200)
    walk.clock.advance(3600)
    walk.ask("resume", '{"token": "2"}')
    assert (walk.weight, walk.state.pause) == (0, None)
    preview(walk, 100)
    preview(walk, 100)
    assert walk.weight == 100


def test_what_an_earlier_content_answered_does_not_count_for_the_next() -> None:
    walk = await_checks()
    preview(walk, 99)
    first = walk.state.id
    model = {"predictor": {"model": {"modelFormat": {"name": "onnx"}, "storageUri": "s3://models/2"}}}
    walk.scene.user.patch(SERVICES, {"spec": model}, walk.canary, NAMESPACE)
    walk.source.serve(walk.canary, 50)
    walk.controller.step()
    assert walk.state.id != first
    preview(walk, 99)
    assert walk.weight == 0
    preview(walk, 99)
    assert (walk.weight, why(walk)) == (0, "99 of 100 preview requests in 60s")
    preview(walk, 1)
    assert walk.weight == 100


def test_a_new_controller_counts_anew() -> None:
    walk = await_checks()
    preview(walk, 99)
    walk.start()
    walk.controller.work()
    preview(walk, 99)
    assert walk.weight == 0
    preview(walk, 100)
    assert walk.weight == 100


def test_without_checks_nothing_is_read() -> None:
    walk = Walk({"blueGreen": {}})
    walk.go()
    walk.tick()
    assert (walk.phase, walk.source.reads) == ("AwaitingPromotion", [])
