"""KServe rewrites an InferenceService on its way in: that is no reason to write it again and again."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from meshsplit.kube.port import Resource
from support.fleet import Body
from support.manifests import NAMESPACE
from support.stepdisvc import ISVC, DisvcController, World
from support.store_api import StoreApi

LEGACY = {"predictor": {"sklearn": {"storageUri": "gs://iris", "protocolVersion": "v2"}}}
MODEL = {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://iris"}}}


class Defaulting(StoreApi):
    """A server with KServe's defaulting webhook, as far as it rewrites what is sent."""

    def apply(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        sent = default(body) if resource.kind == ISVC.kind else body
        return super().apply(resource, sent, force=force)


def default(body: Mapping[str, Any]) -> Body:
    """setPredictorModelDefaults, SetMlServerDefaults and disableAutomountServiceAccountToken."""
    rewritten: Body = deepcopy(dict(body))
    predictor = rewritten["spec"]["predictor"]
    if "sklearn" in predictor:
        predictor["model"] = {"modelFormat": {"name": "sklearn"}, **predictor.pop("sklearn")}
    predictor["automountServiceAccountToken"] = False
    predictor["model"].setdefault("env", []).append({"name": "MLSERVER_MODEL_URI", "value": "/mnt/models"})
    rewritten["metadata"]["labels"]["modelClass"] = "mlserver_sklearn.SKLearnModel"
    return rewritten


@pytest.mark.parametrize(("template", "again"), [(LEGACY, 1), (MODEL, 0)], ids=["legacy", "model"])
def test_what_kserve_rewrites_is_written_once_by_a_process(template: Body, again: int) -> None:
    world = World()
    world.api = Defaulting(world.store)
    world.create(inferenceService=template, replicas=2)
    controller = world.settle()
    written = len(world.api.writes)
    version = world.store.version
    for _ in range(5):
        world.clock.advance(60.0)
        controller.step()
    assert world.api.writes[written:] == []
    model = world.user.get(ISVC, "iris-v1-0", NAMESPACE)["spec"]["predictor"]["model"]
    assert model["args"] == ["--model_name=iris"]
    world.settle()  # another process: it finds all that it asks for, or cannot know what the first one wrote
    replicas = [f"patch inferenceservices iris-v1-{index}" for index in (0, 1)]
    assert world.api.writes[written:] == replicas * again
    assert world.store.version == version, "it changed nothing"


def test_what_somebody_else_changes_of_it_is_put_right() -> None:
    world = World()
    world.api = Defaulting(world.store)
    world.create(inferenceService=LEGACY)
    controller = world.settle()
    before = world.objects()
    edits: tuple[Body, ...] = (
        {"spec": {"predictor": {"model": {"storageUri": "gs://elsewhere"}}}},
        {"spec": {"predictor": {"model": {"args": []}}}},
        {"metadata": {"labels": {"disvc.group": None}}},
    )
    for edit in edits:
        world.user.patch(ISVC, edit, "iris-v1-0", NAMESPACE)
        world.settle(controller)
        assert world.objects() == before, edit


def test_the_next_version_takes_over_all_the_same() -> None:
    world = World()
    world.api = Defaulting(world.store)
    world.create(inferenceService=LEGACY)
    controller = world.settle()
    world.edit(inferenceService={"predictor": {"sklearn": {"storageUri": "gs://iris-2"}}})
    world.settle(controller)
    assert (world.routed, world.phases) == ("iris-v2", {2: "Serving"})
    assert world.names(ISVC) == ["iris-v2-0"]
    written = len(world.api.writes)
    world.settle(DisvcController(world))
    assert len(world.api.writes) - written == 1
