"""Groups of two that are walked for real: cluster, controller, Envoy and models as `local` runs them."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from meshsplit.cli.localmesh import LocalMesh, running
from meshsplit.cli.output import Output
from meshsplit.cli.terminal import Style
from meshsplit.kube.client import Client, load_configuration
from meshsplit.local.models.spec import Behaviour
from meshsplit.model import Settings
from support.fleet import SPLITS, VIRTUAL_SERVICES, Body, Fleet
from support.generations import split_of
from support.load import infer_path
from support.local_mesh import EXAMPLES
from support.prometheus import Prometheus
from support.waiting import eventually

NAMESPACE = "modelmesh-apps"
INTERVAL = "2s"
METRICS = [{"name": "error-rate", "tolerance": {"ratio": "1"}, "margin": {"ratio": "2", "add": "0.05"}}]
"""A margin that a few hundred good requests settle."""
CANARY = {"canary": {"stepWeights": [20]}}


@dataclass
class Walked:
    """One group `name` of `name-v1` and `name-v2`, all of it on the first one."""

    name: str
    stage: "Stage"

    @property
    def user(self) -> Fleet:
        return self.stage.user

    @property
    def path(self) -> str:
        if self.name in self.stage.standard:
            return f"/v2/models/{self.name}/infer"
        return infer_path(NAMESPACE, self.name)

    @property
    def headers(self) -> dict[str, str]:
        """What a request to the group needs."""
        in_standard_mode = self.name in self.stage.standard
        return {"Host": f"{self.name}-{NAMESPACE}.example.com"} if in_standard_mode else {}

    @property
    def url(self) -> str:
        return self.stage.mesh.session.url

    @property
    def stable(self) -> str:
        return f"{self.name}-v1"

    @property
    def canary(self) -> str:
        return f"{self.name}-v2"

    def read(self) -> Body:
        return self.user.get(SPLITS, self.name, NAMESPACE)

    def status(self) -> Body:
        status: Body = self.read().get("status") or {}
        return status

    def go(self, first: int = 0, second: int = 100) -> None:
        """Ask for another split, as somebody edits it."""
        members = [{"name": self.stable, "weight": first}, {"name": self.canary, "weight": second}]
        self.user.patch(SPLITS, {"spec": {"members": members}}, self.name, NAMESPACE)

    def request(self, text: str, details: str = "{}") -> None:
        """Ask for something by the annotation of a person's request."""
        annotations = {"meshsplit.dev/request": text, "meshsplit.dev/request-details": details}
        self.user.patch(SPLITS, {"metadata": {"annotations": annotations}}, self.name, NAMESPACE)

    def fail(self, **shares: float) -> None:
        """Let `stable` and `canary` fail so often from now on."""
        names = {"stable": self.stable, "canary": self.canary}
        for role, share in shares.items():
            self.stage.behaviours[names[role]] = Behaviour(NAMESPACE, names[role], failing=share, seed=1)
        self.stage.mesh.session.behave(list(self.stage.behaviours.values()))

    def condition(self, kind: str) -> tuple[str, str] | None:
        found = [each for each in self.status().get("conditions", []) if each["type"] == kind]
        return (found[0]["status"], found[0]["reason"]) if found else None

    def weights(self) -> str:
        route = self.user.find(VIRTUAL_SERVICES, f"{self.name}-splitting", NAMESPACE)
        return "" if route is None else str(split_of(route))

    def phase(self) -> str:
        rollout: Body = self.status().get("rollout") or {}
        return str(rollout.get("state", ""))

    def history(self) -> list[tuple[str, str, str]]:
        """What was done: act, reason and weights of every record."""
        return [
            (each["action"], each["reason"], each["weights"]) for each in self.status().get("history", [])
        ]

    def wait(self, *phases: str) -> None:
        """Until the rollout is in one of these, and its conditions say so: they are told after the routes."""

        def say() -> str:
            status = self.status()
            return f"{self.name} is to be {phases}, is {status.get('rollout')}: {status.get('lastDecision')}"

        def is_told() -> bool:
            promoted = self.condition("Promoted")
            return promoted is not None and self.phase() == promoted[1] and promoted[1] in phases

        eventually(is_told, say, seconds=120.0)


@dataclass(frozen=True)
class Stage:
    """The running mesh; every test takes a group of its own. Those of `standard` are in that mode."""

    mesh: LocalMesh
    user: Fleet
    standard: frozenset[str]
    behaviours: dict[str, Behaviour] = field(default_factory=dict)

    def group(self, name: str) -> Walked:
        return Walked(name, self)

    def scrape_with(self, server: Prometheus) -> None:
        """Let a Prometheus follow the gateway and the model servers."""
        session = self.mesh.session
        targets = [("gateway", session.gateway_counters, {"pod": "gateway-0", "instance": "gateway"})]
        targets += [
            (f"models-{namespace}", url, {"pod": "models-0", "instance": "models", "namespace": namespace})
            for namespace, url in session.model_counters.items()
        ]
        jobs = {}
        for job, url, labels in targets:
            address, _, path = url.removeprefix("http://").partition("/")
            jobs[job] = [(address, f"/{path}", labels)]
        server.scrape(jobs)


def make_split(name: str, source: Body, strategy: Body, **spec: Any) -> Body:
    """A ModelSplit whose target is what serves."""
    members = [{"name": f"{name}-v1", "weight": 100}, {"name": f"{name}-v2", "weight": 0}]
    return {
        "apiVersion": SPLITS.api_version,
        "kind": SPLITS.kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "modelTag": name,
            "weightsFrom": "Spec",
            "members": members,
            "stableMember": f"{name}-v1",
            "strategy": strategy,
            "analysis": {"source": source, "interval": INTERVAL, "metrics": METRICS},
            **spec,
        },
    }


def make_member(name: str, tag: str, mode: str) -> Body:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"serving.kserve.io/model-tag": tag},
            "annotations": {"serving.kserve.io/deploymentMode": mode},
        },
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
    }


@contextmanager
def stage(folder: Path, splits: list[Body], *standard: str) -> Iterator[Stage]:
    """Serve these ModelSplits, with two members each, in one namespace; ModelMesh but for `standard`."""
    manifests = folder / "manifests"
    manifests.mkdir(parents=True)
    shutil.copy(EXAMPLES / "progressive" / "platform.yaml", manifests)
    for body in splits:
        name = body["metadata"]["name"]
        mode = "Standard" if name in standard else "ModelMesh"
        members = [make_member(f"{name}-{version}", name, mode) for version in ("v1", "v2")]
        (manifests / f"{name}.yaml").write_text(yaml.safe_dump_all([*members, body]))
    output = Output("table", Style(False, False), Style(False, False))
    work = folder / "work"
    with running(manifests, work, 0, NAMESPACE, Settings(), output, keep=False) as mesh:
        mesh.start(threading.Event())
        configuration = load_configuration(str(mesh.kubeconfig))
        configuration.proxy = None
        user = Fleet(Client(configuration, field_manager="kubectl"))
        yield Stage(mesh, user, frozenset(standard))
        assert mesh.manager is not None
        assert mesh.manager.failure is None
