"""Who is told of a rollout, at a real HTTP server: once, signed, in either format; nobody waits for it."""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from meshsplit.controller.notices import DROPPED, FAILED, MOST_WAITING, SENT, Notices
from meshsplit.controller.resources import SECRETS
from meshsplit.controller.signed import SignedPosts
from meshsplit.model import GroupKey
from meshsplit.rollout.notices import Notice
from meshsplit.rollout.spec import NoticeSpec
from meshsplit.telemetry.metrics import NOTICE_RESULTS
from support.hooks import Hook, make_secret
from support.manifests import NAMESPACE
from support.prometheus import serving
from support.store_api import StoreApi
from support.waiting import eventually
from support.walks import Walk

SECRET = b"between us"
TOLD = ["WeightChanged", "RolloutStarted", "WeightChanged", "RolloutPromoted"]
"""The first is the group's beginning, before the rollout."""
KEY = GroupKey(NAMESPACE, "mnist")


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serving(Hook()) as running:
        running.status = 200
        yield running


def make_walk(hook: Hook, **notify: Any) -> Walk:
    return Walk({"canary": {"stepWeights": [10, 50], "notify": [{"url": hook.url, **notify}]}})


def promote(walk: Walk, results: int = len(TOLD)) -> None:
    walk.go()
    walk.tick_until("Promoted")
    eventually(lambda: len(walk.controller.told) == results, lambda: f"told {walk.controller.told}")


def test_every_event_of_a_rollout_is_told_once(hook: Hook) -> None:
    walk = make_walk(hook)
    promote(walk)
    for _ in range(3):
        walk.tick()
    told = sorted((posted.payload for posted in hook.posted), key=lambda each: str(each["time"]))
    assert [each["reason"] for each in told] == TOLD
    assert len({str(each["id"]) for each in told}) == len(TOLD)
    last = told[-1]
    assert last["text"] == f"models/mnist RolloutPromoted: {last['message']}"
    assert (last["phase"], last["canary"]) == ("Promoted", walk.canary)
    assert (last["serving"], last["total"]) == ({walk.stable: 0, walk.canary: 100}, 100)
    assert {posted.content_type for posted in hook.posted} == {"application/json"}
    assert {posted.signature for posted in hook.posted} == {""}


def test_a_cloud_event_is_signed_where_a_secret_is_named(hook: Hook) -> None:
    walk = make_walk(hook, format="CloudEvents", hmacSecret={"name": "hook", "key": "secret"})
    eventually(lambda: walk.controller.told == [FAILED], "the group's beginning, which could not be signed")
    walk.scene.user.create(SECRETS, make_secret("hook", SECRET))
    promote(walk)
    assert len(hook.posted) == len(TOLD) - 1, "when the group began there was no Secret yet"
    for posted in hook.posted:
        assert posted.signature == "sha256=" + hmac.new(SECRET, posted.body, hashlib.sha256).hexdigest()
        assert posted.content_type == "application/cloudevents+json"
    events = [posted.payload for posted in hook.posted]
    event = next(each for each in events if str(each["type"]).endswith("Promoted"))
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": event["id"],
        "source": "/apis/meshsplit.dev/v1alpha1/namespaces/models/modelsplits/mnist",
        "type": "dev.meshsplit.rollout.RolloutPromoted",
        "subject": walk.state.id,
        "time": event["time"],
        "datacontenttype": "application/json",
    }
    assert isinstance(data, dict)
    assert data["reason"] == "RolloutPromoted"


def test_a_webhook_that_refuses_stops_no_rollout_and_is_retried(
    hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    hook.status = 500
    walk = make_walk(hook)
    with caplog.at_level(logging.INFO, logger="meshsplit.controller.notices"):
        promote(walk)
    assert walk.controller.told == [FAILED] * len(TOLD)
    assert len(hook.posted) == 3 * len(TOLD), "twice more each"
    said = [record for record in caplog.records if record.name == "meshsplit.controller.notices"]
    assert {getattr(record, "problem", "") for record in said} == {"status 500"}
    assert all("/hook" not in json.dumps(record.__dict__, default=str) for record in said)


def test_nobody_there_is_told_of_and_the_address_stays_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notify = [{"url": "http://127.0.0.1:1/services/T0/secret"}]
    walk = Walk({"canary": {"stepWeights": [50], "notify": notify}})
    with caplog.at_level(logging.INFO, logger="meshsplit.controller.notices"):
        promote(walk, 3)
    assert walk.controller.told == [FAILED] * 3
    assert "secret" not in json.dumps([record.__dict__ for record in caplog.records], default=str)


def test_a_missing_secret_tells_nobody_anything_unsigned(hook: Hook) -> None:
    walk = make_walk(hook, hmacSecret={"name": "hook", "key": "secret"})
    promote(walk)
    assert (walk.controller.told, hook.posted) == ([FAILED] * len(TOLD), [])


class Hanging(SignedPosts):
    """Takes a message only after `go`."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def post(self, *_: Any, **__: Any) -> int:
        assert self.go.wait(30)
        return 200


def make_notice(number: int) -> Notice:
    return Notice(str(number), NoticeSpec("http://hook.example.com/"), "application/json", {})


def test_what_waits_for_a_webhook_that_hangs_is_bounded_and_nobody_waits_for_it() -> None:
    posts, results = Hanging(), list[str]()
    notices = Notices(posts, results.append)
    for number in range(MOST_WAITING + 50):
        notices.send(KEY, [make_notice(number), make_notice(number)])
    assert results == [DROPPED] * 50
    posts.go.set()
    eventually(lambda: results.count(SENT) == MOST_WAITING, "all that had room")
    notices.stop()
    assert set(NOTICE_RESULTS) == {SENT, FAILED, DROPPED}


def test_what_is_told_again_because_the_state_could_not_be_kept_is_not_sent_again(hook: Hook) -> None:
    walk = make_walk(hook)
    notices = walk.controller.notices
    promote(walk)
    again = [posted.payload for posted in hook.posted]
    notices.send(
        walk.live.key,
        [Notice(str(each["id"]), NoticeSpec(hook.url), "application/json", {}) for each in again],
    )
    api = StoreApi(walk.scene.store)
    walk.start(api)
    walk.tick()
    assert len(hook.posted) == len(TOLD)
