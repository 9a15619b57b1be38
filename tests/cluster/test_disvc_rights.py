"""What serving DistributedInferenceServices takes: the rights of config/ are enough, and none is too many."""

from pathlib import Path

import yaml

from meshsplit.kube.client import load_configuration
from support.disvcs import ISVC, NAME, ROUTE, Disvcs
from support.rbac import guarded
from support.scene import Api, Scene, running

CONFIG = Path(__file__).resolve().parents[2] / "config"
BASE = "rbac/clusterrole.yaml"
DISVC = "disvc/clusterrole.yaml"


def rules_of(*files: str) -> list[dict[str, list[str]]]:
    documents = [body for file in files for body in yaml.safe_load_all((CONFIG / file).read_text())]
    return [rule for body in documents for rule in body.get("rules", ())]


def test_every_right_is_used_and_none_is_missing(faulty: Scene, tmp_path: Path) -> None:
    embedded = faulty.api.embedded
    assert embedded is not None
    disvcs = Disvcs(faulty)
    with guarded(embedded.url, tmp_path, rules_of(BASE, DISVC)) as (guard, kubeconfig):
        with running(Api(load_configuration(str(kubeconfig)), kubeconfig)):
            disvcs.create(replicas=2)
            disvcs.get_ready(1, 0, 1)
            disvcs.serves(1)
            disvcs.update("gs://models/iris-2", exposure="Ingress")
            disvcs.get_ready(2, 0, 1)
            disvcs.serves(2)
            disvcs.has_only(ROUTE)
            disvcs.edit(deploymentStrategy={"type": "Canary"}, exposure="VirtualService")
            disvcs.has(ROUTE, f"{NAME}-splitting")
            disvcs.edit(replicas=1)
            disvcs.has_only(ISVC, f"{NAME}-v2-0")
            disvcs.clean()
        assert guard.refused == []
        granted = {
            (verb, group, resource)
            for rule in rules_of(DISVC)
            for verb in rule["verbs"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
        # What is not there yet is applied with a patch, for which an API server asks for create, too.
        assert {right for right in granted - guard.used if right[0] != "create"} == set()
