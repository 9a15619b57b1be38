"""The stand-in kinds of the embedded cluster, next to the real ones where those are at hand."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.local.apiserver.admission import check_object
from meshsplit.local.apiserver.builtin import CRDS
from meshsplit.local.cluster import CLUSTER_RUNTIMES, MODEL_SPLITS, MODELS, ROUTES
from meshsplit.local.crds import make_crds

BY_NAME = {crd["metadata"]["name"]: crd for crd in make_crds()}
STAND_INS = sorted(f"{plural}.{group}" for group, plural in {*MODELS, CLUSTER_RUNTIMES, *ROUTES})


@cache
def real(name: str) -> dict[str, Any]:
    folder = os.environ.get("MESHSPLIT_CRDS")
    if not folder:
        assert "CI" not in os.environ, "CI must have the CRDs"
        pytest.skip("MESHSPLIT_CRDS is not set")
    # The C loader: an InferenceService's schema is a megabyte.
    crd: dict[str, Any] = yaml.load((Path(folder) / f"{name}.yaml").read_text(), yaml.CSafeLoader)
    return crd


def test_every_kind_that_decides_about_routes_is_there() -> None:
    group, plural = MODEL_SPLITS
    assert {*STAND_INS, f"{plural}.{group}"} <= BY_NAME.keys()


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_an_api_server_takes_it(name: str) -> None:
    check_object(BY_NAME[name], None, CRDS)


@pytest.mark.parametrize("name", STAND_INS)
def test_it_is_called_as_the_real_one(name: str) -> None:
    ours, theirs = BY_NAME[name]["spec"], real(name)["spec"]
    assert (ours["group"], ours["scope"]) == (theirs["group"], theirs["scope"])
    for field in ("kind", "listKind", "plural", "singular"):
        assert ours["names"][field] == theirs["names"][field]
    assert ours["names"]["shortNames"] == theirs["names"].get("shortNames", [])


@pytest.mark.parametrize("name", STAND_INS)
def test_it_serves_and_stores_the_versions_of_the_real_one(name: str) -> None:
    ours, theirs = BY_NAME[name]["spec"]["versions"], real(name)["spec"]["versions"]
    served = {version["name"]: version["storage"] for version in theirs if version["served"]}
    assert {version["name"]: version["storage"] for version in ours} == served


@pytest.mark.parametrize("name", STAND_INS)
def test_its_status_is_apart_where_that_of_the_real_one_is(name: str) -> None:
    def has_status(crd: dict[str, Any]) -> set[bool]:
        return {"status" in (version.get("subresources") or {}) for version in crd["spec"]["versions"]}

    assert has_status(BY_NAME[name]) == has_status(real(name))
