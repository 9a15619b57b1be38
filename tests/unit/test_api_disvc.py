import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from meshsplit.api.disvc import DistributedInferenceService, find_problems
from support.crds import refusal_of_server

TEMPLATE = {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "anything": [1, {"a": None}]}}}


def make(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "DistributedInferenceService",
        "metadata": {"name": "iris", "namespace": "ns"},
        "spec": spec,
    }


def refusals_offline(body: dict[str, Any]) -> list[str]:
    try:
        service = DistributedInferenceService.model_validate(body)
    except ValidationError as error:
        return [str(error)]
    return [problem.message for problem in find_problems(service.spec)]


@pytest.mark.parametrize(
    "spec",
    [
        {"inferenceService": TEMPLATE},
        {"inferenservice": TEMPLATE},
        {"inferenceService": TEMPLATE, "inferenservice": None},
        {"inferenceService": TEMPLATE, "replicas": 0},
        {"inferenceService": TEMPLATE, "labels": {"a/b": "c", "d": ""}, "annotations": {"e": "f g"}},
        {
            "inferenceService": TEMPLATE,
            "deploymentStrategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        },
        {"inferenceService": TEMPLATE, "deploymentStrategy": {"type": "Canary"}},
        {"inferenceService": TEMPLATE, "sessionAffinity": {"cookie": {"name": "x", "ttl": "1h"}}},
        {"inferenceService": TEMPLATE, "sessionAffinity": {"sourceIp": True}},
        {"inferenceService": TEMPLATE, "sessionAffinity": {"none": True}},
        {"inferenceService": TEMPLATE, "exposure": "Ingress", "domain": "a.org"},
    ],
    ids=str,
)
def test_what_is_right_is_accepted_with_and_without_a_cluster(spec: dict[str, Any]) -> None:
    assert (refusals_offline(make(**spec)), refusal_of_server(make(**spec))) == ([], "")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"inferenceService": TEMPLATE, "inferenservice": TEMPLATE},
            "set either inferenceService or inferenservice, not both",
        ),
        ({"replicas": 1}, "inferenceService is missing: the spec of the InferenceServices to run"),
        *(
            (
                {
                    "inferenceService": TEMPLATE,
                    "deploymentStrategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": "0%"}},
                },
                "deploymentStrategy.rollingUpdate: maxUnavailable and maxSurge cannot both be 0",
            )
            for surge in (0, "0%")
        ),
    ],
)
def test_a_broken_rule_is_refused_in_the_same_words(spec: dict[str, Any], message: str) -> None:
    assert refusals_offline(make(**spec)) == [message]
    assert refusal_of_server(make(**spec)).endswith(f" spec: Invalid value: {message}")


@pytest.mark.parametrize(
    "spec",
    [
        {"replicas": -1},
        {"replicas": 1001},
        {"replicas": "2"},
        {"sessionAffinity": {}},
        {"sessionAffinity": "None"},
        {"sessionAffinity": {"none": False}},
        {"sessionAffinity": {"header": "x", "sourceIp": True}},
        {"deploymentStrategy": {"type": "Blue"}},
        {"deploymentStrategy": {"rollingUpdate": {"maxSurge": "125%"}}},
        {"deploymentStrategy": {"rollingUpdate": {"maxSurge": -1}}},
        {"deploymentStrategy": {"rollingUpdate": {"maxSurge": True}}},
        {"labels": {"a": "b c"}},
        {"domain": "*.a.org"},
        {"inferencService": {}},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_with_and_without_a_cluster(spec: dict[str, Any]) -> None:
    body = make(inferenceService=TEMPLATE, **spec)
    assert refusals_offline(body)
    assert refusal_of_server(body)


@pytest.mark.parametrize("spelling", ["inferenceService", "inferenservice"])
def test_the_template_is_found_in_either_spelling(spelling: str) -> None:
    service = DistributedInferenceService.model_validate(make(**{spelling: TEMPLATE}))
    assert service.spec.template == TEMPLATE
    assert (service.spec.replicas, service.spec.drain_seconds) == (1, 30)


def test_the_documents_that_the_proposal_shows_are_accepted_unchanged() -> None:
    seeds = os.environ.get("MESHSPLIT_SEEDS")
    if not seeds:
        pytest.skip("MESHSPLIT_SEEDS names no folder with the proposal's documents")
    documents = [
        document
        for path in sorted(Path(seeds, "disvc-poc").glob("*/*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
        if document["kind"] == "DistributedInferenceService"
    ]
    assert len(documents) == 3
    for document in documents:
        assert (refusals_offline(document), refusal_of_server(document)) == ([], "")
