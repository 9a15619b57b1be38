"""The Loopback strategy writes what the 2023 controller wrote."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.istio.plan import make_group_plan, make_model_plan
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import (
    DeploymentMode,
    Endpoint,
    Group,
    GroupKey,
    Member,
    Model,
    RestStrategy,
    Routing,
    Split,
)

CASES = os.environ.get("MESHSPLIT_ODH_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="MESHSPLIT_ODH_CASES is not set")

NAMESPACE = "modelmesh-apps"
HOST = f"modelmesh-serving.{NAMESPACE}.svc.cluster.local"
REST, GRPC = Endpoint(HOST, 8008), Endpoint(HOST, 8033)
ROUTING = Routing(
    hosts=("*",),
    gateways=("opendatahub/odh-gateway",),
    rest=RestStrategy.LOOPBACK,
    loop=Endpoint("istio-ingressgateway.istio-system.svc.cluster.local", 80),
)


@pytest.fixture
def recorded() -> dict[str, dict[str, Any]]:
    text = (Path(CASES or "") / "seed.out.yaml").read_text()
    return {body["metadata"]["name"]: body for body in yaml.safe_load_all(text)}


def test_the_group_of_the_seed_is_split_as_in_2023(recorded: dict[str, dict[str, Any]]) -> None:
    members = tuple(
        Member(name, DeploymentMode.MODEL_MESH, name, REST, GRPC) for name in ("ai-model-one", "ai-model-two")
    )
    group = Group(GroupKey(NAMESPACE, "ai-model"), members, None, ROUTING)
    split = Split((("ai-model-one", 80), ("ai-model-two", 20)))
    body = make_virtual_service(make_group_plan(group, split), "networking.istio.io/v1")
    then = recorded["ai-model-splitting"]
    assert body["spec"] == then["spec"]
    assert body["metadata"]["name"] == then["metadata"]["name"]
    assert then["metadata"]["annotations"].items() <= body["metadata"]["annotations"].items()


@pytest.mark.parametrize("name", ["ai-model-one", "ai-model-two"])
def test_a_model_of_the_seed_is_exposed_as_in_2023(name: str, recorded: dict[str, dict[str, Any]]) -> None:
    model = Model(NAMESPACE, name, REST, GRPC, ROUTING)
    body = make_virtual_service(make_model_plan(model), "networking.istio.io/v1")
    then = recorded[name]
    assert body["spec"] == then["spec"]
    assert then["metadata"]["labels"].items() <= body["metadata"]["labels"].items()


def test_the_recorded_case_holds_exactly_these_objects(recorded: dict[str, dict[str, Any]]) -> None:
    assert sorted(recorded) == ["ai-model-one", "ai-model-splitting", "ai-model-two"]
