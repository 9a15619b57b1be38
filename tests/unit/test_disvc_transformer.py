"""A transformer stands before its predictor, so it has to answer to the name that clients call."""

from typing import Any

from meshsplit.disvc.servedname import serve_as
from support.disvcs import make_template


def transformer_of(**container: Any) -> dict[str, Any]:
    template = {
        **make_template(),
        "transformer": {"minReplicas": 1, "containers": [container, {"name": "x"}]},
    }
    served: dict[str, Any] = serve_as("iris", template, "models", ()).template["transformer"]
    return served


def test_a_transformer_is_told_the_name() -> None:
    told = transformer_of(name="kserve-container", args=["--workers=2"])
    assert told == {
        "minReplicas": 1,
        "containers": [
            {"name": "kserve-container", "args": ["--workers=2", "--model_name=iris"]},
            {"name": "x"},
        ],
    }
    assert transformer_of(name="kserve-container")["containers"][0]["args"] == ["--model_name=iris"]


def test_a_name_that_the_user_set_stays() -> None:
    for args in (["--model_name=own"], ["--model_name", "own"]):
        assert transformer_of(args=args)["containers"][0]["args"] == args


def test_without_containers_there_is_nothing_to_tell() -> None:
    given: tuple[dict[str, Any], ...] = ({}, {"containers": []}, {"containers": "no list"})
    for transformer in given:
        template = {**make_template(), "transformer": transformer}
        assert serve_as("iris", template, "models", ()).template["transformer"] == transformer
