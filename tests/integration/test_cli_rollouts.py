"""What the verbs say of a rollout and ask of it, on statuses as a controller writes them."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from meshsplit.api.request import DETAILS, REQUEST
from meshsplit.cli import kinds
from meshsplit.cli.cluster import Cluster
from meshsplit.cli.completion import complete
from meshsplit.cli.following import follow_all
from meshsplit.cli.main import VERBS, cli
from meshsplit.cli.notdone import NotDone
from meshsplit.cli.requesting import Ask, follow, prepare, read_user, send
from meshsplit.cli.splits import to_live_split
from meshsplit.cli.terminal import Style
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.cli.watchscreen import Views
from meshsplit.kube.client import Client, Configuration
from meshsplit.local.apiserver.faults import Fault
from meshsplit.rollout.requests import Verb
from meshsplit.rollout.state import Phase
from support.live import (
    EVERYTHING,
    SINCE,
    TAG,
    Live,
    live_cluster,
    make_member,
    make_namespace,
    make_route,
    make_split,
)
from support.liverollouts import ROLLOUT, make_decision, make_rollout
from support.scripted_api import answer, scripted_api
from support.waiting import DEADLINE_SECONDS, eventually

ROUTED = {"meshsplit.dev/weights": "mnist-v1=90,mnist-v2=10", TAG: "mnist"}
LATER = "2026-01-01T00:01:00Z"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A cluster whose group mnist is on its second step."""
    with live_cluster(tmp_path, *EVERYTHING) as own:
        own.write(kinds.NAMESPACES, make_namespace("models"))
        own.write(kinds.INFERENCE_SERVICES, make_member("mnist-v1", "mnist", "0"))
        own.write(kinds.INFERENCE_SERVICES, make_member("mnist-v2", "mnist", "100"))
        route = make_route("mnist-splitting", annotations=ROUTED)
        own.write(kinds.virtual_services("v1"), route, "meshsplit")
        report(own)
        yield own


@pytest.fixture
def cluster(live: Live) -> Cluster:
    return Cluster(live.client("meshsplit-cli"), "test", "models")


def report(live: Live, *words: Any, **status: Any) -> None:
    """Write the status of mnist as a controller does."""
    live.write(kinds.MODEL_SPLITS, make_rollout(*words, **status), "meshsplit")


def read(live: Live) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(live.client().get(kinds.MODEL_SPLITS, "models", "mnist"))
    return body


def run(live: Live, *words: str, code: int = 0) -> str:
    result = live.run(*words, "-n", "models")
    assert result.exit_code == code, result.output
    return result.output


def answer_next(live: Live, *, accepted: bool = True, message: str = "", **status: Any) -> threading.Thread:
    """A controller that answers the next request, and writes that status."""

    def work() -> None:
        eventually(lambda: REQUEST in (read(live)["metadata"].get("annotations") or {}), "a request")
        details = json.loads(read(live)["metadata"]["annotations"][DETAILS])
        said = {"token": details["token"], "accepted": accepted, "message": message}
        report(live, **{**status, "request": said})

    thread = threading.Thread(target=work)
    thread.start()
    return thread


# What is said of a rollout


def test_get_shows_the_step_and_the_rate_of_errors(live: Live) -> None:
    row = run(live, "get").splitlines()[1]
    assert re.fullmatch(
        r"mnist  Canary +Progressing  mnist-v1  mnist-v2  90 / 10  2/4 +0\.28%  0\.03–1\.00 +\S+", row
    )


def test_status_shows_what_is_measured_and_what_it_is_worth(live: Live) -> None:
    rollout = {"id": ROLLOUT, "state": "Progressing", "step": 2, "steps": 4}
    report(live, rollout={**rollout, "waiting": "WaitingForSlot"})
    lines = run(live, "status", "mnist").splitlines()
    head = "mnist · models      ◌ Progressing, 90 / 10, canary step 2 of 4, waits: WaitingForSlot"
    assert lines[0] == head
    squeezed = [re.sub(r" {2,}", "  ", line.strip()) for line in lines]
    for line in (
        "Measured  90.3  10.3  7200 requests in this rollout",
        "Canary errors  2 of 720  0.28%  true rate 0.03–1.00% (95%)",
        "Stable errors  7 of 6480  0.11%",
        "Ratio  2.571  0.5342–12.38 (95%)",
        "Evidence  harm 0.41 of 100, safety 1.2 of 20  not sure yet",
    ):
        assert line in squeezed
    assert not any(line.startswith("Promoted") for line in lines)


def test_status_says_when_the_next_check_is(live: Live) -> None:
    rollout = {"id": ROLLOUT, "state": "Progressing", "nextCheckAt": "2999-01-01T00:00:00Z"}
    report(live, rollout=rollout)
    assert re.search(r", next check in \d+y$", run(live, "status", "mnist").splitlines()[0])


def test_status_says_who_has_paused_or_overridden_it(live: Live) -> None:
    report(
        live,
        pause={"since": SINCE, "by": "jane", "reason": "incident 4711"},
        override={"weights": "mnist-v1=80,mnist-v2=20", "until": LATER},
    )
    told = run(live, "status", "mnist")
    assert f"! Paused since {SINCE} by jane: incident 4711." in told
    assert f"! Overridden with mnist-v1=80,mnist-v2=20 until {LATER}." in told


def test_explain_says_why_it_is_not_further(live: Live) -> None:
    told = " ".join(run(live, "explain", "mnist").split())
    assert f"Ready is True since {SINCE}: Progressing, 2 of 720 requests failed The last decision" in told
    assert f"The last decision was HOLD at {SINCE}, step 2/4: NotEnoughEvidence 2 errors in 720" in told
    assert "2 errors in 720 requests, true rate 0.03–1.00%, stable 7 in 6480 (0.11%)" in told
    assert "To promote evidence of safety 1.2 must reach 20." in told
    assert "To roll back evidence of harm 0.41 must reach 100." in told
    assert "How much longer it takes cannot be said: nothing was read for this rollout yet." in told
    assert told.endswith("Next: meshsplit watch mnist -n models")


def test_explain_of_a_target_that_was_given_up_does_not_say_that_it_serves(live: Live) -> None:
    rejected = {"weights": "mnist-v1=0,mnist-v2=100", "reason": "Flipped"}
    report(live, 0, "Steady", Phase.STEADY, rejectedTarget=rejected)
    told = " ".join(run(live, "explain", "mnist").split())
    assert "What is asked for was given up. What serves stays until something else is asked for." in told
    assert told.endswith("Next: meshsplit history mnist -n models")


def test_a_report_carries_the_rollout_as_the_status_has_it(live: Live) -> None:
    (split,) = json.loads(run(live, "get", "-o", "json"))["splits"]
    assert split["rollout"]["id"] == ROLLOUT
    assert split["lastDecision"]["evidence"][0]["stableRequests"] == 6480
    assert (split["override"], split["pause"], split["history"]) == (None, None, [])
    assert split["members"][1]["measuredPercent"] == "10.3"


def test_history_lists_what_may_be_gone_back_to(live: Live) -> None:
    entry = {"time": SINCE, "reason": "Requested", "rollout": ROLLOUT, "by": "jane"}
    first = {**entry, "number": 1, "action": "Adopt", "weights": "mnist-v1=100,mnist-v2=0", "good": True}
    second = {**entry, "number": 2, "action": "Advance", "weights": "mnist-v1=90,mnist-v2=10"}
    report(live, history=[first, second])
    header, *rows, following = run(live, "history", "mnist").splitlines()
    assert header.split()[:3] == ["NUMBER", "TIME", "ACTION"]
    assert [row.split()[:6] for row in rows] == [
        ["1", SINCE, "Adopt", "Requested", "mnist-v1=100,mnist-v2=0", "yes"],
        ["2", SINCE, "Advance", "Requested", "mnist-v1=90,mnist-v2=10", "-"],
    ]
    assert following == "Next: meshsplit rollback mnist --to 1 -n models"
    entries = json.loads(run(live, "history", "mnist", "-o", "json"))["entries"]
    assert [(each["number"], each["good"]) for each in entries] == [(1, True), (2, False)]


# Following one


def test_wait_says_where_the_rollout_is_and_gives_up(live: Live) -> None:
    told = run(live, "wait", "mnist", "--for", "promoted", "--timeout", "100ms", code=4)
    assert told.splitlines()[0] == "00:00:00Z step 2/4 at 10%"
    assert "not promoted within 0.1s, it is Progressing" in told


@pytest.mark.parametrize(
    ("goal", "phase", "code"),
    [
        ("promoted", Phase.PROMOTED, 0),
        ("promoted", Phase.ROLLED_BACK, 1),
        ("promoted", Phase.ABORTED, 1),
        ("rolled-back", Phase.ROLLED_BACK, 0),
        ("rolled-back", Phase.PROMOTED, 1),
        ("paused", Phase.PROMOTED, 1),
        ("awaiting-promotion", Phase.AWAITING_PROMOTION, 0),
        ("inconclusive", Phase.INCONCLUSIVE, 0),
    ],
)
def test_wait_ends_where_the_rollout_does(live: Live, goal: str, phase: Phase, code: int) -> None:
    report(live, 10, str(phase), phase)
    told = json.loads(live.run("wait", "mnist", "--for", goal, "-o", "json", "-n", "models").stdout)
    assert (told["kind"], told["for"], told["reached"]) == ("ActionResult", goal, code == 0)
    run(live, "wait", "mnist", "--for", goal, code=code)


def test_wait_goes_by_the_annotations_that_no_controller_has_seen_yet(live: Live) -> None:
    report(live, 100, "Promoted", Phase.PROMOTED)
    run(live, "wait", "mnist", "--for", "promoted")
    live.write(kinds.INFERENCE_SERVICES, make_member("mnist-v1", "mnist", "60"))
    live.write(kinds.INFERENCE_SERVICES, make_member("mnist-v2", "mnist", "40"))
    run(live, "wait", "mnist", "--for", "promoted", "--timeout", "100ms", code=4)


def test_an_api_that_fails_for_a_while_ends_no_waiting(live: Live, cluster: Cluster) -> None:
    states = follow(cluster, "mnist", "meshsplit", DEADLINE_SECONDS)
    next(states)
    live.faults.add(Fault(path="/modelsplits/mnist", method="GET", code=503, times=2))
    assert next(states).status.weight == "90 / 10"
    live.client().delete(kinds.MODEL_SPLITS, "models", "mnist")
    with pytest.raises(CannotAnswer, match="no ModelSplit mnist"):
        next(states)


def test_watch_prints_a_line_a_decision_and_ends_with_the_rollout(live: Live) -> None:
    report(live, 0, "RolledBack", Phase.ROLLED_BACK, lastDecision=make_decision("Rollback", "Harm"))
    line, last = run(live, "watch", "mnist", code=1).splitlines()
    evidence = "2/720 0.28% [0.03,1.00] stable=7/6480 ratio=2.571 harm=0.41/100 safety=1.2/20"
    assert line == f"{SINCE} models/mnist step=2/4 weight=0 ROLLBACK {evidence} Harm"
    assert last == f"{SINCE} models/mnist rolled back: 100 / 0"
    entry, outcome = (
        json.loads(text) for text in run(live, "watch", "mnist", "-o", "json", code=1).splitlines()
    )
    assert (entry["action"], entry["evidence"][0]["requests"]) == ("Rollback", 720)
    assert outcome["outcome"] == "rolled back"


# Asking for something


def test_a_request_is_previewed_guarded_and_answered(live: Live) -> None:
    controller = answer_next(live, message="done")
    told = run(live, "pause", "mnist", "--yes", "--reason", "incident 4711")
    controller.join(DEADLINE_SECONDS)
    assert "About to pause models/mnist (context meshsplit, rollout 7f3a)\n" in told
    assert "  now     mnist-v1 90  mnist-v2 10\n" in told
    assert "evidence so far: 2 errors in 720 requests" in told
    assert "paused: models/mnist stays at 90 / 10. The analysis keeps measuring" in told
    assert told.endswith("Next: meshsplit resume mnist -n models\n")
    metadata = read(live)["metadata"]
    assert metadata["annotations"][REQUEST] == f"pause/{ROLLOUT}"
    details = json.loads(metadata["annotations"][DETAILS])
    assert (details["reason"], "by" in details) == ("incident 4711", False)
    owners = {entry["manager"]: entry["fieldsV1"] for entry in metadata["managedFields"]}
    assert f"f:{REQUEST}" in owners["meshsplit-cli"]["f:metadata"]["f:annotations"]


def decided(canary: int, number: int = 1) -> dict[str, Any]:
    """A change of the split, as the history has it."""
    weights = f"mnist-v1={100 - canary},mnist-v2={canary}"
    return {"number": number, "time": SINCE, "action": "Promote", "reason": "ByHand", "weights": weights}


def test_what_is_decided_and_does_not_serve_yet_is_not_done(live: Live) -> None:
    controller = answer_next(live, history=[decided(100)])
    told = run(live, "promote", "mnist", "--yes", "--timeout", "4s", code=4)
    controller.join(DEADLINE_SECONDS)
    assert "Error: promote is accepted, but models/mnist still serves 90 / 10 after 4s" in told


def test_a_request_is_done_when_what_it_decided_serves(live: Live) -> None:
    def work() -> None:
        answer_next(live, history=[decided(100)]).join()
        said = read(live)["status"]["request"]
        report(live, 100, "Promoted", Phase.PROMOTED, history=[decided(100)], request=said)

    controller = threading.Thread(target=work)
    controller.start()
    told = run(live, "promote", "mnist", "--yes")
    controller.join(DEADLINE_SECONDS)
    assert "promoted: models/mnist is 0 / 100\n" in told


def test_what_the_controller_refuses_is_an_error(live: Live) -> None:
    controller = answer_next(live, accepted=False, message="it is paused already")
    told = run(live, "pause", "mnist", "--yes", code=3)
    controller.join(DEADLINE_SECONDS)
    assert "Error: it is paused already\nNext: meshsplit explain mnist -n models" in told


def test_no_answer_in_time_is_said(live: Live) -> None:
    told = run(live, "pause", "mnist", "--yes", "--timeout", "100ms", code=4)
    assert "no answer to pause within 0.1s; the request stands and may still be done" in told
    assert "takes the place of a request that nobody has answered: pause/7f3a" in run(
        live, "pause", "mnist", "--dry-run=client"
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["retry"], "no target is rejected, so there is nothing to retry"),
        (["resume"], "it is not paused"),
        (["flip"], "flip is for groups with a blueGreen strategy"),
        (["rollback"], "the history has no good split to go back to"),
        (["promote", "--max-jump", "25"], "the jump is 90 points, and --max-jump allows 25"),
        (["abort"], "not confirmed: no terminal, pass --yes"),
    ],
    ids=" ".join,
)
def test_what_is_refused_is_not_sent(live: Live, words: list[str], why: str) -> None:
    confirmed = [] if words == ["abort"] else ["--yes"]
    assert why in run(live, words[0], "mnist", *words[1:], *confirmed, code=3)
    assert REQUEST not in (read(live)["metadata"].get("annotations") or {})


def test_promote_says_what_it_skips(live: Live) -> None:
    told = run(live, "promote", "mnist", "--dry-run=client")
    assert "  after   mnist-v1   0  mnist-v2 100   jump of 90 points\n" in told
    assert "  skips: steps 3 to 4, the evidence of safety that is still missing\n" in told
    stepped = run(live, "promote", "mnist", "--step", "--dry-run=client", "--max-jump", "15")
    assert "  after   mnist-v1 75  mnist-v2 25   jump of 15 points\n" in stepped


def test_nothing_is_foretold_of_a_modelsplit_that_no_controller_has_looked_at(live: Live) -> None:
    report(live, members=[], weight="", checkpoint="")
    told = run(live, "flip", "mnist", "--dry-run=client")
    assert "  now     unknown\n  after   what the controller decides\n" in told


def test_a_result_as_a_report(live: Live) -> None:
    told = live.run("abort", "mnist", "-n", "models", "--dry-run=server", "-o", "json").stdout
    result = json.loads(told)
    assert (result["kind"], result["verb"], result["dryRun"]) == ("ActionResult", "abort", "server")
    assert (result["before"], result["after"]) == (
        {"mnist-v1": "90", "mnist-v2": "10"},
        {"mnist-v1": "100", "mnist-v2": "0"},
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["mnist-v1=70", "mnist-v2=40"], "weights add up to 110, want 100 (mnist-v1=70, mnist-v2=40)"),
        (["mnist-v1=70%"], "'mnist-v1=70%' is not MEMBER=PERCENT"),
        (["mnist-v1=70", "mnist-v1=30"], "mnist-v1 is named twice"),
        (["mnist-v3=20"], "mnist-v3 is no member of models/mnist; there is mnist-v1, mnist-v2"),
        ([], "name weights as MEMBER=PERCENT, or --clear"),
        (["mnist-v2=20", "--clear"], "name weights as MEMBER=PERCENT, or --clear"),
        (["mnist-v2=20", "--for", "soon"], "--for: 'soon' is not a duration"),
    ],
    ids=str,
)
def test_weights_that_make_no_split_are_a_wrong_call(live: Live, words: list[str], why: str) -> None:
    assert why in run(live, "set", "weight", "mnist", *words, code=2)


# The guard


def test_a_change_since_the_preview_stops_the_request(live: Live, cluster: Cluster) -> None:
    seen = to_live_split(read(live))
    report(live, 25)
    with pytest.raises(NotDone, match="has changed since the preview; nothing was sent"):
        send(cluster, seen, prepare(Ask(Verb.ABORT), seen, "", ""))
    assert REQUEST not in (read(live)["metadata"].get("annotations") or {})


def test_evidence_that_went_on_since_the_preview_does_not(live: Live, cluster: Cluster) -> None:
    seen = to_live_split(read(live))
    report(live, lastDecision=make_decision(safety="3.4"))
    send(cluster, seen, prepare(Ask(Verb.ABORT), seen, "", ""))
    assert read(live)["metadata"]["annotations"][REQUEST] == f"abort/{ROLLOUT}"


def test_another_object_of_the_same_name_is_left_alone(live: Live, cluster: Cluster) -> None:
    seen = to_live_split(read(live))
    live.client().delete(kinds.MODEL_SPLITS, "models", "mnist")
    with pytest.raises(NotDone, match="was deleted since the preview"):
        send(cluster, seen, prepare(Ask(Verb.ABORT), seen, "", ""))
    report(live)
    with pytest.raises(NotDone, match="has changed since the preview"):
        send(cluster, seen, prepare(Ask(Verb.ABORT), seen, "", ""))


def test_the_user_is_who_the_api_says(live: Live, cluster: Cluster) -> None:
    assert read_user(cluster) == ""  # the embedded server has no such review
    review = {"metadata": {}, "status": {"userInfo": {"username": "jane"}}}
    with scripted_api(answer(201, review)) as api:
        configuration = Configuration()
        configuration.host = api.url
        assert read_user(Cluster(Client(configuration), api.url, "models")) == "jane"
        (asked,) = api.requests
    assert asked.path == "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    assert asked.content["kind"] == "SelfSubjectReview"


# Watching the list of all


@contextmanager
def watching(live: Live, *words: str) -> Iterator[tuple["subprocess.Popen[str]", Callable[[], str]]]:
    """`meshsplit get --watch WORDS` as a process, and what reads its next line."""
    env = {**os.environ, "KUBECONFIG": str(live.kubeconfig), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "meshsplit", "get", "--watch", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as program:
        assert program.stdout is not None
        yield program, program.stdout.readline
        program.kill()


def test_get_watch_adds_a_row_for_what_changes_until_it_is_interrupted(live: Live) -> None:
    with watching(live, "-n", "models") as (program, read_line):
        assert read_line().split()[:2] == ["NAME", "STRATEGY"]
        first = read_line()
        live.client().patch(kinds.MODEL_SPLITS, "models", "mnist", {"metadata": {"labels": {"a": "b"}}})
        report(live, 25)
        second = read_line()
        assert (first.split()[5:8], second.split()[5:8]) == (["90", "/", "10"], ["75", "/", "25"])
        assert first.index("90 / 10") == second.index("75 / 25")
        live.client().delete(kinds.MODEL_SPLITS, "models", "mnist")
        assert read_line().split()[:3] == ["mnist", "Canary", "Deleted"]
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=DEADLINE_SECONDS)
    assert (program.returncode, out, err.strip()) == (130, "", "")


def test_get_watch_ends_with_its_reader(live: Live) -> None:
    with watching(live, "-n", "models", "-o", "json") as (program, read_line):
        entry = json.loads(read_line())
        assert (entry["type"], entry["name"], entry["weight"]) == ("ADDED", "mnist", "90 / 10")
        assert program.stdout is not None
        program.stdout.close()
        report(live, 25)
        assert program.wait(DEADLINE_SECONDS) == 0


def test_what_a_watch_missed_is_found_by_listing_again(live: Live, cluster: Cluster) -> None:
    states = follow_all(cluster, kinds.MODEL_SPLITS, "models", "")
    (first,) = next(states)
    live.faults.add(Fault(path="/modelsplits", watches_only=True, code=503))
    live.faults.add(Fault(path="/modelsplits", watches_only=True, code=410))
    live.client().delete(kinds.MODEL_SPLITS, "models", "mnist")
    live.write(kinds.MODEL_SPLITS, make_split("other"))
    came, went = next(states)
    assert (first.type, first.body["metadata"]["name"]) == ("ADDED", "mnist")
    assert (came.type, came.body["metadata"]["name"]) == ("ADDED", "other")
    assert (went.type, went.body["metadata"]["name"]) == ("DELETED", "mnist")
    live.faults.add(Fault(path="/modelsplits", watches_only=True, code=403, times=0))
    with pytest.raises(
        CannotAnswer, match=r"you may not watch modelsplits.meshsplit.dev in namespace models"
    ):
        next(states)


def test_get_watch_of_nothing_says_so(live: Live) -> None:
    live.faults.add(Fault(path="/modelsplits", watches_only=True, code=403, times=0))
    told = run(live, "get", "-w", "-l", "a=b", code=2)
    assert told.startswith("No ModelSplits in namespace models yet.\n")
    assert "you may not watch" in told


# On a terminal


Script = Sequence[tuple[str, str]]
"""What to wait for on the screen, and what to type then, one after the other."""


def on_terminal(kubeconfig: Path, script: Script, *words: str) -> tuple[int, str]:
    """Exit code and all output of the program on a terminal where somebody follows the script.

    The last step is to end the program; it is taken again whenever its text comes again.
    """
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (100, 150))
    env = {**os.environ, "KUBECONFIG": str(kubeconfig), "TERM": "xterm", "NO_COLOR": "1"}
    steps, deadline = list(script), time.monotonic() + DEADLINE_SECONDS
    command = [sys.executable, "-m", "meshsplit", *words, "-n", "models"]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env) as program:
        os.close(slave)
        shown, seen = b"", 0
        while part := _read_terminal(master):
            shown += part
            if time.monotonic() > deadline:
                program.kill()
                raise AssertionError(f"{steps[:1]}: {shown[-3000:].decode()}")
            if steps and shown.find(steps[0][0].encode(), seen) >= 0:
                os.write(master, steps[0][1].encode())
                seen = len(shown)
                # Keys that come together count as one, and the end may be among them.
                steps = steps[1:] or steps
    os.close(master)
    return program.returncode, shown.decode().replace("\r\n", "\n")


def _read_terminal(master: int) -> bytes:
    ready, _, _ = select.select([master], [], [], DEADLINE_SECONDS)
    assert ready, "the program says nothing"
    try:
        return os.read(master, 4096)
    except OSError:  # the other end is closed
        return b""


def test_a_person_who_does_not_confirm_changes_nothing(live: Live) -> None:
    code, shown = on_terminal(live.kubeconfig, [("[y/N]", "n\n")], "abort", "mnist")
    assert code == 3
    assert "Go ahead? [y/N]: " in shown
    assert shown.endswith("error: not confirmed\n")
    assert REQUEST not in (read(live)["metadata"].get("annotations") or {})


def test_a_person_who_confirms_is_obeyed(live: Live) -> None:
    controller = answer_next(live)
    code, shown = on_terminal(live.kubeconfig, [("[y/N]", "y\n")], "pause", "mnist", "--freeze")
    controller.join(DEADLINE_SECONDS)
    assert (code, "frozen: models/mnist stays at 90 / 10" in shown) == (0, True)


def test_watch_on_a_terminal_draws_in_place_until_q(live: Live) -> None:
    code, shown = on_terminal(live.kubeconfig, [("q quits", "q")], "watch", "mnist")
    assert code == 0
    screen, _, after = shown.partition("\x1b[?1049l")
    assert screen.startswith("\x1b[?1049h")
    assert "canary step 2 of 4" in screen
    assert after.startswith("mnist · models      ◌ Progressing")


def test_a_key_shows_what_would_happen_and_sends_nothing_without_another(live: Live) -> None:
    script = [
        ("a aborts", "a"),
        ("About to abort models/mnist", "n"),
        ("nothing was sent to abort it", "P"),
        ("jump of 90 points", "q"),
        ("nothing was sent to promote it", "\x1bOa"),
        ("q quits", "\x1b[A"),
        ("q quits", "q"),
    ]
    code, shown = on_terminal(live.kubeconfig, script, "watch", "mnist")
    assert code == 0
    _, _, after = shown.partition("nothing was sent to promote it")
    assert "About to" not in after, "an arrow was taken for a letter"
    assert REQUEST not in (read(live)["metadata"].get("annotations") or {})


def test_a_key_that_is_confirmed_is_answered_in_place(live: Live) -> None:
    controller = answer_next(live, message="done", pause={"since": SINCE})
    script = [
        ("p or space pauses", " "),
        ("Go ahead? y: yes", "y"),
        ("paused: models/mnist stays at 90 / 10", "p"),
        ("it is not paused", "q"),
    ]
    code, shown = on_terminal(live.kubeconfig, script, "watch", "mnist")
    controller.join(DEADLINE_SECONDS)
    assert code == 0
    assert "p or space resumes" in shown
    assert read(live)["metadata"]["annotations"][REQUEST] == f"pause/{ROLLOUT}"


def test_what_is_typed_ahead_confirms_nothing(live: Live) -> None:
    script = [("a aborts", "ay"), ("Go ahead?", "x"), ("nothing was sent", "q")]
    assert on_terminal(live.kubeconfig, script, "watch", "mnist")[0] == 0
    assert REQUEST not in (read(live)["metadata"].get("annotations") or {})


def test_a_right_that_is_missing_is_told_in_place(live: Live) -> None:
    live.faults.add(Fault(path="/modelsplits/mnist", method="PATCH", code=403, times=0))
    script = [("a aborts", "a"), ("Go ahead?", "y"), ("you may not patch modelsplits.meshsplit.dev", "q")]
    code, shown = on_terminal(live.kubeconfig, script, "watch", "mnist")
    assert code == 0
    assert "fix: ask for a role that allows the verb patch on modelsplits.meshsplit.dev" in shown


def test_an_api_that_fails_for_a_moment_leaves_the_screen_as_it_was(live: Live) -> None:
    split = to_live_split(read(live))
    views = Views(Cluster(live.client(), "test", "models"), "mnist", "meshsplit", Style())
    before = views.read()
    live.faults.add(Fault(path="/inferenceservices", method="GET", code=503))
    during = views.read_again(before)
    assert (during.split.body, during.lines) == (split.body, before.lines)
    assert during.trouble.startswith("cannot list inferenceservices.serving.kserve.io in namespace models")
    assert views.read_again(during) == before


def test_names_are_completed_for_every_verb_that_takes_one(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(live.kubeconfig))
    taking = (
        "watch",
        "events",
        "history",
        "promote",
        "pause",
        "resume",
        "abort",
        "retry",
        "flip",
        "rollback",
        "wait",
    )
    assert set(taking) < set(VERBS)
    for words in (*([verb] for verb in taking), ["set", "weight"]):
        assert complete(cli, [*words, "-n", "models", "m"]).splitlines() == ["mnist", ":4"]
