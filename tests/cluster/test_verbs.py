"""The verbs that act, on a controller that works: what it is asked is what it does."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from meshsplit.api.request import DETAILS, REQUEST
from meshsplit.cli.main import cli
from meshsplit.cli.requesting import MANAGER
from support.fleet import SPLITS
from support.kubectl import Kubectl, need_kubectl
from support.scene import Scene, Time, running
from support.waiting import eventually

CANARY = {"canary": {"stepWeights": [10, 50]}}
"""There is nothing to read its counters from, so nothing moves but by hand."""
BLUE_GREEN = {"blueGreen": {"scaleDownDelay": "30m"}}
MEMBERS = ("mnist-v1", "mnist-v2")
START = "mnist-v1=100,mnist-v2=0"
END = "mnist-v1=0,mnist-v2=100"
HOUR = 3600.0


def run(scene: Scene, *words: str, code: int = 0) -> Result:
    """`meshsplit WORDS` in the scene's namespace."""
    env = {"KUBECONFIG": str(scene.api.kubeconfig), "FORCE_COLOR": "", "NO_COLOR": ""}
    result = CliRunner(env=env).invoke(cli, [*words, "-n", scene.namespace], prog_name="meshsplit")
    assert result.exit_code == code, result.output
    return result


def act(scene: Scene, *words: str) -> str:
    """The first line of what a confirmed verb answers, without the namespace."""
    return run(scene, *words, "--yes").stdout.splitlines()[0].replace(f"{scene.namespace}/", "")


def refused(scene: Scene, *words: str) -> str:
    """Why a confirmed verb is not done."""
    return run(scene, *words, "--yes", code=3).stderr


def status(scene: Scene) -> dict[str, Any]:
    return dict((scene.find(SPLITS, "mnist") or {}).get("status") or {})


def write_split(scene: Scene, strategy: dict[str, Any]) -> None:
    """A ModelSplit of two members of which the first serves."""
    for name in MEMBERS:
        scene.add(name, tag=None)
    spec = {"weightsFrom": "Spec", "members": to_members(100, 0), "strategy": strategy}
    scene.put(SPLITS, "mnist", {**spec, "stableMember": "mnist-v1"})


def to_members(*weights: int) -> list[dict[str, Any]]:
    return [{"name": name, "weight": weight} for name, weight in zip(MEMBERS, weights, strict=True)]


def aim(scene: Scene, *weights: int) -> None:
    """Write another target into the ModelSplit."""
    scene.patch(SPLITS, "mnist", {"spec": {"members": to_members(*weights)}})


def shows(scene: Scene, weights: str) -> None:
    """Wait until the routes and then the status say that: verbs look at the status."""

    def told() -> str:
        members = sorted(status(scene).get("members", []), key=lambda member: str(member["name"]))
        return ",".join(f"{member['name']}={member['weight']}" for member in members)

    scene.serves(weights)
    eventually(lambda: told() == weights, lambda: f"the status says {weights}, not {told()}")


def settle(scene: Scene) -> None:
    """The start serves, and the status says so."""
    shows(scene, START)
    scene.says("Ready", "True", "Steady")


def begin(scene: Scene) -> None:
    """A rollout that waits for counters, or for somebody."""
    settle(scene)
    aim(scene, 0, 100)
    scene.says("Ready", "True", "Pending")


def test_promote_goes_one_step_and_to_the_end(scene: Scene) -> None:
    write_split(scene, CANARY)
    with running(scene.api):
        begin(scene)
        told = act(scene, "promote", "mnist", "--step", "--reason", "it is monday")
        assert told == "advanced: mnist goes on at 90 / 10, step 1 of 2"
        shows(scene, "mnist-v1=90,mnist-v2=10")
        assert act(scene, "promote", "mnist") == "promoted: mnist is 0 / 100"
        shows(scene, END)
        assert "promoted" in run(scene, "wait", "mnist", "--for", "promoted").stdout
        assert "there is no rollout to promote" in refused(scene, "promote", "mnist")
        assert run(scene, "watch", "mnist").stdout.splitlines()[-1].endswith("promoted: 0 / 100")
    first, stepped, promoted = status(scene)["history"]
    assert first["good"] is True
    assert stepped["action"] == "Start"
    assert stepped["message"].endswith(": it is monday")
    assert promoted["action"] == "Promote"


def test_a_paused_rollout_is_resumed(scene: Scene) -> None:
    write_split(scene, CANARY)
    with running(scene.api):
        begin(scene)
        assert act(scene, "pause", "mnist").startswith("paused: mnist stays at 100 / 0.")
        scene.says("Ready", "True", "Paused")
        run(scene, "wait", "mnist", "--for", "paused")
        assert "it is paused already" in refused(scene, "pause", "mnist")
        assert act(scene, "pause", "mnist", "--freeze").startswith("frozen: mnist stays at 100 / 0.")
        assert status(scene)["pause"]["freeze"] is True
        assert act(scene, "resume", "mnist").startswith("resumed: mnist goes on at 100 / 0")
        scene.says("Ready", "True", "Pending")
        assert "it is not paused" in refused(scene, "resume", "mnist")


def test_an_aborted_target_is_tried_again_when_retried(scene: Scene) -> None:
    write_split(scene, CANARY)
    with running(scene.api):
        begin(scene)
        act(scene, "promote", "mnist", "--step")
        first = status(scene)["rollout"]["id"]
        told = act(scene, "abort", "mnist")
        assert told == "aborted: mnist is 100 / 0 (was 90 / 10). The target is still 0 / 100; it is not"
        shows(scene, START)
        scene.says("Promoted", "False", "Aborted")
        waited = run(scene, "wait", "mnist", "--for", "promoted", code=1)
        assert "aborted" in waited.stdout
        assert run(scene, "watch", "mnist", code=1).stdout.splitlines()[-1].endswith("aborted: 100 / 0")
        assert act(scene, "retry", "mnist") == "retried: mnist begins a new rollout to 0 / 100"
        scene.says("Ready", "True", "Pending")
        assert status(scene)["rollout"]["id"] != first


def test_set_weight_lasts_until_it_is_cleared_or_over(scene: Scene) -> None:
    write_split(scene, CANARY)
    time = Time()
    with running(scene.api, time) as manager:
        begin(scene)
        told = act(scene, "set", "weight", "mnist", "mnist-v2=20", "--for", "2h")
        assert told.startswith("mnist-v1 80 (remainder), mnist-v2 20. Override until ")
        shows(scene, "mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Overridden")
        assert act(scene, "set", "weight", "mnist", "--clear") == "override cleared: mnist is 100 / 0"
        shows(scene, START)
        act(scene, "set", "weight", "mnist", "mnist-v2=20", "--for", "2h")
        shows(scene, "mnist-v1=80,mnist-v2=20")
        time.ahead = 3 * HOUR
        scene.work_again(manager)
        shows(scene, START)
        assert "override" not in status(scene)


def test_flip_and_rollback_of_a_blue_green_split(scene: Scene) -> None:
    write_split(scene, BLUE_GREEN)
    with running(scene.api):
        settle(scene)
        assert act(scene, "flip", "mnist").startswith("flipped: mnist active is mnist-v2 (was mnist-v1) in ")
        shows(scene, END)
        told = act(scene, "rollback", "mnist")
        assert told == "rolled back: mnist is mnist-v1 100, mnist-v2 0 (was mnist-v1 0, mnist-v2 100)"
        shows(scene, START)
        assert act(scene, "flip", "mnist", "--to", "mnist-v2", "--max-jump", "100").startswith("flipped")
        assert "mnist-v2 is active already" in refused(scene, "flip", "mnist", "--to", "mnist-v2")
        told = run(scene, "history", "mnist").stdout
        assert told.count("Flip ") == 2


def test_rollback_goes_to_the_entry_of_the_history_that_is_named(scene: Scene) -> None:
    write_split(scene, BLUE_GREEN)
    with running(scene.api):
        settle(scene)
        act(scene, "flip", "mnist")
        number = status(scene)["history"][0]["number"]
        act(scene, "rollback", "mnist", "--to", str(number))
        shows(scene, START)
        assert "no good split to go back to" in refused(scene, "rollback", "mnist", "--to", "77")


def test_a_dry_run_asks_for_nothing(scene: Scene) -> None:
    write_split(scene, BLUE_GREEN)
    with running(scene.api):
        settle(scene)
        for kind, told in (("client", "nothing was sent"), ("server", "accepted, nothing changed")):
            result = run(scene, "flip", "mnist", "--dry-run", kind)
            assert result.stdout == f"dry run ({kind}): {told}\n"
            assert "jump of 100 points" in result.stderr
        annotations = (scene.find(SPLITS, "mnist") or {})["metadata"].get("annotations") or {}
        assert REQUEST not in annotations


def test_kubectl_annotate_asks_for_the_same(scene: Scene, tmp_path: Path) -> None:
    need_kubectl()
    kubectl = Kubectl(scene.api.kubeconfig, tmp_path)
    write_split(scene, CANARY)
    with running(scene.api):
        begin(scene)
        rollout = status(scene)["rollout"]["id"]
        kubectl(
            *("annotate", "modelsplit", "mnist", "-n", scene.namespace),
            f"{REQUEST}=promote/{rollout}",
            f"{DETAILS}={json.dumps({'step': True, 'reason': 'from a pipeline'})}",
        )
        shows(scene, "mnist-v1=90,mnist-v2=10")
        assert status(scene)["request"]["accepted"] is True
        # The verb's own request takes the place of kubectl's, whose token it does not have.
        assert act(scene, "abort", "mnist").startswith("aborted: ")
        shows(scene, START)
    owners = (scene.find(SPLITS, "mnist") or {})["metadata"]["managedFields"]
    assert MANAGER in {owner["manager"] for owner in owners}
