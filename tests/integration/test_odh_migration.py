"""From the manifests that the 2023 controller was given, Loopback writes what it wrote."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CASES = os.environ.get("MESHSPLIT_ODH_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="MESHSPLIT_ODH_CASES is not set")

SETTINGS = """\
apiVersion: cli.meshsplit.dev/v1alpha1
kind: Settings
routing:
  rest: Loopback
"""
SPLIT = """\
apiVersion: meshsplit.dev/v1alpha1
kind: ModelSplit
metadata: {name: ai-model, namespace: modelmesh-apps}
spec:
  modelTag: ai-model
  routing: {rest: Loopback}
"""


def by_name(bodies: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {body["metadata"]["name"]: body for body in bodies}


@pytest.fixture(scope="module")
def recorded() -> dict[str, dict[str, Any]]:
    text = (Path(CASES or "") / "seed.out.yaml").read_text()
    return by_name(list(yaml.safe_load_all(text)))


@pytest.fixture(scope="module", params=["by a setting", "by a ModelSplit"])
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("migration")
    (folder / "settings.yaml").write_text(SETTINGS)
    (folder / "split.yaml").write_text(SPLIT)
    how = {"by a setting": ["--settings", "settings.yaml"], "by a ModelSplit": ["split.yaml"]}[request.param]
    seed = str(Path(CASES or "").resolve() / "seed.in.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "meshsplit", "render", seed, *how, "-o", "json"],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return by_name(json.loads(done.stdout)["items"])


def test_the_same_objects_are_written(rendered: dict[str, Any], recorded: dict[str, Any]) -> None:
    assert sorted(rendered) == sorted(recorded) == ["ai-model-one", "ai-model-splitting", "ai-model-two"]


@pytest.mark.parametrize("name", ["ai-model-one", "ai-model-splitting", "ai-model-two"])
def test_their_specs_are_equal_and_their_marks_are_kept(
    name: str, rendered: dict[str, Any], recorded: dict[str, Any]
) -> None:
    now, then = rendered[name], recorded[name]
    assert now["spec"] == then["spec"]
    for marks in ("labels", "annotations"):
        assert then["metadata"].get(marks, {}).items() <= now["metadata"][marks].items()
