"""The verbs on rollouts as they are: a real Envoy, real models, evidence from the gateway's own counters."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from meshsplit.cli.main import cli
from support.fleet import Body
from support.live_rollouts import CANARY, NAMESPACE, Stage, Walked, make_split, stage
from support.load import constant_load
from support.waiting import eventually

pytestmark = pytest.mark.xdist_group("live-verbs")

PATIENCE = "60s"
ENOUGH = 100
"""Requests in a row that tell where all of them go."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    source: Body = {"gateway": {}}
    splits = [make_split(name, source, CANARY) for name in ("good", "bad")]
    splits.append(make_split("flip", source, {"blueGreen": {}}))
    with stage(tmp_path_factory.mktemp("mesh"), splits) as running:
        yield running


def run(group: Walked, *words: str) -> Result:
    """`meshsplit VERB NAME …` on the group."""
    verb, *rest = words
    env = {"KUBECONFIG": str(group.stage.mesh.kubeconfig), "FORCE_COLOR": "", "NO_COLOR": "1"}
    command = [verb, group.name, *rest, "-n", NAMESPACE]
    return CliRunner(env=env).invoke(cli, command, prog_name="meshsplit")


def begin(group: Walked) -> None:
    """Another target, and a rollout that is under way."""
    group.go()
    group.wait("Pending", "Progressing")


def test_a_good_version_is_followed_to_its_promotion(played: Stage) -> None:
    group = played.group("good")
    with constant_load(group.url, group.path, 2) as load:
        begin(group)
        followed = run(group, "watch", "-o", "json")
    assert followed.exit_code == 0, followed.output
    *decisions, end = (json.loads(line) for line in followed.stdout.splitlines())
    assert end["outcome"] == "promoted"
    promoted = decisions[-1]
    assert promoted["action"] == "Promote"
    assert float(promoted["safety"]) >= float(promoted["safetyNeeded"])
    assert promoted["evidence"][0]["requests"] > 0
    assert load.failures == []
    assert run(group, "wait", "--for", "promoted", "--timeout", PATIENCE).exit_code == 0


def test_a_pipeline_learns_of_a_rollback_and_a_person_tries_again(played: Stage) -> None:
    group = played.group("bad")
    group.fail(canary=0.5)
    with constant_load(group.url, group.path, 2):
        begin(group)
        waited = run(group, "wait", "--for", "promoted", "--timeout", PATIENCE)
        assert waited.exit_code == 1, waited.output
        assert " rolled back: " in waited.stdout.splitlines()[-1]
        group.fail(canary=0.0)
        assert run(group, "retry", "--yes").exit_code == 0
        again = run(group, "wait", "--for", "promoted", "--timeout", PATIENCE)
        assert again.exit_code == 0, again.output
    acts = [entry["action"] for entry in json.loads(run(group, "history", "-o", "json").stdout)["entries"]]
    assert acts == ["Apply", "Start", "Rollback", "Start", "Promote"]


def test_a_flip_moves_every_request(played: Stage) -> None:
    group = played.group("flip")
    with constant_load(group.url, group.path, 2) as load:
        flipped = run(group, "flip", "--yes")
        assert flipped.exit_code == 0, flipped.output
        eventually(lambda: load.last(ENOUGH) == {group.canary}, "all requests to the second side")
        assert run(group, "rollback", "--yes").exit_code == 0
        eventually(lambda: load.last(ENOUGH) == {group.stable}, "all requests to the first side")
    assert load.failures == []
