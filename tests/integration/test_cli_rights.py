"""What the roles for people let them do: every verb, on an API that grants a role and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from meshsplit.cli import kinds
from meshsplit.cli.cluster import Cluster
from meshsplit.cli.following import follow_all
from meshsplit.cli.main import FAMILIES, cli
from meshsplit.kube.client import Client, load_configuration
from meshsplit.rollout.state import Phase
from support.live import (
    EVERYTHING,
    TAG,
    Live,
    live_cluster,
    make_crd,
    make_member,
    make_namespace,
    make_route,
)
from support.liverollouts import make_rollout
from support.rbac import Guard, guarded

PEOPLE = Path(__file__).resolve().parents[2] / "config" / "rbac" / "people.yaml"
ROLES = {body["metadata"]["name"]: body for body in yaml.safe_load_all(PEOPLE.read_text(encoding="utf-8"))}
WEIGHTS = {"meshsplit.dev/weights": "mnist-v1=90,mnist-v2=10", TAG: "mnist"}
READ = {"get", "list", "watch"}
MODEL_SPLITS = ("meshsplit.dev", "modelsplits")

READING = (
    ["get"],
    ["get", "mnist"],
    ["status", "mnist"],
    ["explain", "mnist"],
    ["history", "mnist"],
    ["events"],
    ["events", "mnist"],
    ["wait", "ended", "--for", "promoted"],
    ["watch", "ended"],
)
EVERYWHERE = (["get", "-A"], ["events", "-A"], ["lint", "--live"], ["render", "--live"], ["diff", "--live"])
STEERING = (
    # The first four are sent, the others are refused by what is read: none is to be done in this state.
    ["promote", "mnist"],
    ["pause", "mnist"],
    ["abort", "mnist"],
    ["set", "weight", "mnist", "mnist-v2=20"],
    ["resume", "mnist"],
    ["retry", "mnist"],
    ["flip", "mnist"],
    ["rollback", "mnist"],
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    crds = (*EVERYTHING, make_crd(kinds.destination_rules("v1"), "v1", "v1beta1"))
    with live_cluster(tmp_path_factory.mktemp("live"), *crds) as own:
        own.write(kinds.NAMESPACES, make_namespace("models"))
        own.write(kinds.INFERENCE_SERVICES, make_member("mnist-v1", "mnist", "0"))
        own.write(kinds.INFERENCE_SERVICES, make_member("mnist-v2", "mnist", "100"))
        own.write(
            kinds.virtual_services("v1"), make_route("mnist-splitting", annotations=WEIGHTS), "meshsplit"
        )
        own.write(kinds.MODEL_SPLITS, make_rollout(), "meshsplit")
        ended = make_rollout(100, "Promoted", Phase.PROMOTED)
        own.write(kinds.MODEL_SPLITS, {**ended, "metadata": {"name": "ended", "namespace": "models"}}, "x")
        yield own


def granted(rules: list[dict[str, Any]]) -> dict[tuple[str, str], set[str]]:
    """Verbs by group and resource."""
    return {
        (group, resource): set(rule["verbs"])
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def run(kubeconfig: Path, *words: str) -> tuple[int, str]:
    env = {"KUBECONFIG": str(kubeconfig), "FORCE_COLOR": "", "NO_COLOR": ""}
    result = CliRunner(env=env).invoke(cli, list(words), prog_name="meshsplit")
    return result.exit_code, result.output


def use_every_right(guard: Guard, kubeconfig: Path, *commands: list[str]) -> None:
    """Run commands that must be refused nothing."""
    for words in commands:
        _, told = run(kubeconfig, *words)
        assert guard.refused == [], f"{words}: {told}"


def test_the_viewer_may_use_every_verb_that_reads_and_read_nothing_else(live: Live, tmp_path: Path) -> None:
    rules = ROLES["meshsplit-viewer"]["rules"]
    with guarded(live.server.url, tmp_path, rules) as (guard, kubeconfig):
        use_every_right(guard, kubeconfig, *READING, *EVERYWHERE)
        _watch(live, kubeconfig, guard)
        assert ("watch", *MODEL_SPLITS) in guard.used
        code, told = run(kubeconfig, "pause", "mnist", "--yes")
    assert (code, "you may not patch modelsplits.meshsplit.dev in namespace models" in told) == (2, True)
    assert {(group, resource) for _, group, resource in guard.used} == set(granted(rules))
    assert all(verbs == READ for verbs in granted(rules).values())


def test_the_operator_may_steer_as_well_and_nothing_else(live: Live, tmp_path: Path) -> None:
    rules = ROLES["meshsplit-operator"]["rules"]
    with guarded(live.server.url, tmp_path, rules, "models") as (guard, kubeconfig):
        dry = [[*words, "--dry-run=server"] for words in STEERING]
        use_every_right(guard, kubeconfig, *READING, *dry)
    assert ("patch", *MODEL_SPLITS) in guard.used
    as_viewer = granted(ROLES["meshsplit-viewer"]["rules"])
    as_viewer[MODEL_SPLITS] |= {"patch"}
    assert granted(rules) == as_viewer


def test_who_may_see_one_namespace_sees_that_one_and_is_told_of_the_rest(live: Live, tmp_path: Path) -> None:
    rules = ROLES["meshsplit-viewer"]["rules"]
    with guarded(live.server.url, tmp_path, rules, "models") as (guard, kubeconfig):
        use_every_right(guard, kubeconfig, *READING)
        code, told = run(kubeconfig, "get", "-A")
        assert (code, "you may not list modelsplits.meshsplit.dev in all namespaces (403)" in told) == (
            2,
            True,
        )
        code, told = run(kubeconfig, "lint", "--live", "-n", "models")
        assert (code, "note: only namespace models was read of namespaces, " in told) == (1, True)


def test_what_is_aggregated_into_view_reads_modelsplits_and_no_more(live: Live, tmp_path: Path) -> None:
    role = ROLES["meshsplit-aggregate-to-view"]
    assert granted(role["rules"]) == {MODEL_SPLITS: READ}
    aggregated = {key.rpartition("-")[2] for key in role["metadata"]["labels"] if "aggregate-to-" in key}
    assert aggregated == {"view", "edit", "admin"}
    with guarded(live.server.url, tmp_path, role["rules"], "models") as (guard, kubeconfig):
        use_every_right(guard, kubeconfig, ["get"], ["history", "mnist"], ["watch", "ended"])
        code, told = run(kubeconfig, "status", "mnist")
    assert (code, "you may not list inferenceservices.serving.kserve.io" in told) == (2, True)


def test_every_verb_that_reads_or_steers_is_tried() -> None:
    tried = {words[0] for words in (*READING, *STEERING)}
    assert tried == {"explain", *FAMILIES["Live (your kubeconfig)"]} - {"check"}


def _watch(live: Live, kubeconfig: Path, guard: Guard) -> None:
    """As `get --watch -A` does, until the next change."""
    client = Client(load_configuration(str(kubeconfig)))
    states = follow_all(Cluster(client, guard.url, "models"), kinds.MODEL_SPLITS, "", "")
    next(states)
    live.client().patch(kinds.MODEL_SPLITS, "models", "mnist", {"metadata": {"labels": {"touched": "yes"}}})
    next(states)
