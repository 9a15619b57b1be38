"""`events` on the embedded API server, with Events as the controller and others write them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from meshsplit.cli import kinds
from meshsplit.cli.splits import to_time
from meshsplit.controller.recorder import make_event
from meshsplit.controller.transitions import Happening
from meshsplit.diagnostics import ObjectRef
from support.live import MESHSPLIT, SINCE, Live, live_cluster, make_namespace, make_split
from support.liverollouts import make_rollout

SPLIT, MEMBER = "ModelSplit", "InferenceService"


def tell(live: Live, minute: int, kind: str, name: str, reason: str, namespace: str = "models") -> None:
    """An Event of the controller, that many minutes after SINCE."""
    at = to_time(SINCE)
    assert at is not None
    ref = ObjectRef(kind, namespace, name)
    happening = Happening(f"{name}.{minute}", ref, "Warning", reason, f"{reason} of {name}")
    body = make_event(happening, "v1", "", "test", at + timedelta(minutes=minute))
    live.client("meshsplit").create(kinds.EVENTS, body)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_cluster(tmp_path_factory.mktemp("live"), *MESHSPLIT) as own:
        for namespace in ("models", "vision"):
            own.write(kinds.NAMESPACES, make_namespace(namespace))
        own.write(kinds.MODEL_SPLITS, make_rollout(), "meshsplit")
        own.write(kinds.MODEL_SPLITS, make_split("detect", "vision"))
        tell(own, 4, SPLIT, "mnist", "Fourth")
        tell(own, 1, SPLIT, "mnist", "First")
        tell(own, 2, MEMBER, "mnist-v1", "Second")
        tell(own, 3, SPLIT, "deleted", "Third")
        tell(own, 5, "Pod", "mnist-v1", "Unrelated")
        tell(own, 6, SPLIT, "detect", "Elsewhere", "vision")
        own.client("kserve").create(kinds.EVENTS, WRITTEN_ANEW)
        yield own


WRITTEN_ANEW: dict[str, Any] = {
    "metadata": {"name": "anew", "namespace": "models"},
    "involvedObject": {"kind": MEMBER, "namespace": "models", "name": "mnist-v2"},
    "type": "Normal",
    "reason": "Loaded",
    "message": "from\nafar",
    "eventTime": "2026-01-01T00:00:30.000000Z",
    "series": {"count": 3, "lastObservedTime": "2026-01-01T00:01:30.500000Z"},
}
"""As newer clients write them: other fields for time and number."""


def run(live: Live, *words: str, code: int = 0) -> str:
    result = live.run("events", *words)
    assert result.exit_code == code, result.output
    return result.output


def reasons(live: Live, *words: str) -> list[str]:
    events = json.loads(run(live, *words, "-o", "json"))["events"]
    return [event["reason"] for event in events]


def test_events_of_one_group_and_its_members_are_listed_by_time(live: Live) -> None:
    assert run(live, "mnist", "-n", "models").splitlines() == [
        "TIME                  TYPE     REASON  OBJECT                     MESSAGE",
        "2026-01-01T00:01:00Z  Warning  First   modelsplit/mnist           First of mnist",
        r"2026-01-01T00:01:30Z  Normal   Loaded  inferenceservice/mnist-v2  from\nafar (x3)",
        "2026-01-01T00:02:00Z  Warning  Second  inferenceservice/mnist-v1  Second of mnist-v1",
        "2026-01-01T00:04:00Z  Warning  Fourth  modelsplit/mnist           Fourth of mnist",
        "Next: meshsplit explain mnist -n models",
    ]


def test_all_of_a_namespace_has_what_is_gone_and_nothing_of_others(live: Live) -> None:
    assert reasons(live, "-n", "models") == ["First", "Loaded", "Second", "Third", "Fourth"]
    assert reasons(live, "-A") == ["First", "Loaded", "Second", "Third", "Fourth", "Elsewhere"]
    assert reasons(live, "deleted", "-n", "models") == ["Third"]
    assert reasons(live, "-A", "-l", "team=x") == []
    header, first, *_ = run(live, "-A").splitlines()
    assert (header.split()[0], first.split()[0]) == ("NAMESPACE", "models")


def test_a_report_says_what_each_event_is_about(live: Live) -> None:
    report = json.loads(run(live, "mnist", "-n", "models", "-o", "json"))
    assert report["kind"] == "EventsReport"
    assert report["events"][1] == {
        "time": "2026-01-01T00:01:30Z",
        "type": "Normal",
        "reason": "Loaded",
        "object": {"kind": MEMBER, "namespace": "models", "name": "mnist-v2"},
        "message": "from\nafar",
        "count": 3,
        "source": None,
    }


def test_nothing_to_tell_is_said_and_an_unknown_name_is_an_error(live: Live) -> None:
    told = run(live, "-n", "default")
    assert told.startswith("No Events: ")
    assert told.endswith("Next: meshsplit get -n default\n")
    assert "no ModelSplit mnst in namespace models; there is mnist" in run(
        live, "mnst", "-n", "models", code=2
    )
