"""The roles of config/ let a controller do all that DistributedInferenceServices need, and no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.kube.client import load_configuration
from support.disvcs import INGRESS, ISVC, NAME, ROUTE, RULE, SERVICE, SPLIT, Disvcs, make_template
from support.rbac import guarded
from support.scene import Api, Scene, running

CONFIG = Path(__file__).parents[2] / "config"
OWN, USUAL = CONFIG / "disvc" / "clusterrole.yaml", CONFIG / "rbac" / "clusterrole.yaml"


def read_rules(path: Path) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = yaml.safe_load(path.read_text())["rules"]
    return rules


def list_rights(rules: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Verb, group and resource of everything that is granted."""
    return {
        (verb, group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.fixture
def disvcs(scene: Scene) -> Iterator[Disvcs]:
    made = Disvcs(scene)
    yield made
    made.clean()


def live(disvcs: Disvcs) -> None:
    """A whole life: versions, replicas, a strategy and an exposure, each there and back."""
    disvcs.create()
    disvcs.get_ready(1)
    disvcs.serves(1)
    disvcs.update("gs://models/iris-2")
    disvcs.get_ready(2)
    disvcs.serves(2)
    disvcs.edit(replicas=2)
    disvcs.get_ready(2, 1)
    disvcs.has_only(ISVC, f"{NAME}-v2-0", f"{NAME}-v2-1")
    disvcs.has_only(RULE, f"{NAME}-v2")
    disvcs.edit(replicas=1)
    disvcs.has_only(RULE)
    disvcs.edit(deploymentStrategy={"type": "Canary", "canary": {"stepWeights": [50]}})
    disvcs.has(SPLIT, NAME)
    disvcs.edit(deploymentStrategy={"type": "RollingUpdate", "canary": None})
    disvcs.has_only(SPLIT)
    disvcs.edit(exposure="Ingress")
    disvcs.has_only(ROUTE)
    disvcs.edit(exposure="VirtualService")
    disvcs.has_only(INGRESS)
    disvcs.edit(inferenceService=make_template("gs://models/iris-3"))
    disvcs.get_ready(3)
    disvcs.serves(3)
    disvcs.has_only(SERVICE, NAME, f"{NAME}-v3")
    disvcs.says("Ready", "True", "Serving")


def test_the_roles_are_enough_and_every_right_is_used(disvcs: Disvcs, scene: Scene, tmp_path: Path) -> None:
    rules = [*read_rules(OWN), *read_rules(USUAL)]
    with guarded(scene.api.configuration.host, tmp_path, rules) as (guard, kubeconfig):
        through = Api(load_configuration(str(kubeconfig)), kubeconfig)
        with running(through):
            live(disvcs)
    assert guard.refused == []
    granted = list_rights(read_rules(OWN))
    # An API server asks for the right to create, too, where what is applied is not there yet.
    unused = {right for right in granted - guard.used if right[0] != "create"}
    assert unused == set()
    written = {right[1:] for right in guard.used if right[0] == "patch" and not right[2].endswith("/status")}
    assert {("create", group, resource) for group, resource in written} <= list_rights(rules)


def test_without_the_role_the_kind_is_left_alone_and_the_rest_works(scene: Scene, tmp_path: Path) -> None:
    with guarded(scene.api.configuration.host, tmp_path, read_rules(USUAL)) as (guard, kubeconfig):
        through = Api(load_configuration(str(kubeconfig)), kubeconfig)
        scene.pair()
        with running(through) as manager:
            scene.says("Ready", "True", "Steady")
            assert manager.failure is None
    assert {right.resource for right in guard.refused} == {"distributedinferenceservices"}
