import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.affinity import CookieHash, HeaderHash, ReplicaAffinity, SourceIpHash
from meshsplit.istio.destinationrule import make_destination_rule
from meshsplit.istio.rules import check_object
from meshsplit.model import DestinationRulePlan, Owner
from support.istio import API_VERSION

CASES = os.environ.get("MESHSPLIT_ISTIO_CASES")
HOST = "iris-v1.ns.svc.cluster.local"
AFFINITIES = [
    (CookieHash("iris-replica", 3600), {"httpCookie": {"name": "iris-replica", "path": "/", "ttl": "3600s"}}),
    (CookieHash("c", path="/v2"), {"httpCookie": {"name": "c", "path": "/v2", "ttl": "0s"}}),
    (HeaderHash("x-user"), {"httpHeaderName": "x-user"}),
    (SourceIpHash(), {"useSourceIp": True}),
]


def make_body(affinity: ReplicaAffinity, **fields: Any) -> dict[str, Any]:
    return make_destination_rule(DestinationRulePlan("v1", "ns", HOST, affinity, **fields), API_VERSION)


@pytest.mark.parametrize(("affinity", "written"), AFFINITIES, ids=[str(each) for each, _ in AFFINITIES])
def test_every_affinity_is_a_hash_that_breaks_no_rule(
    affinity: ReplicaAffinity, written: dict[str, Any]
) -> None:
    body = make_body(affinity)
    policy = {"loadBalancer": {"consistentHash": written}}
    assert body["spec"] == {"host": HOST, "trafficPolicy": policy}
    assert check_object(body) == ()


def test_names_marks_and_owners_are_in_canonical_order() -> None:
    owner = Owner("serving.kserve.io/v1alpha1", "DistributedInferenceService", "iris", "u-1")
    body = make_body(SourceIpHash(), labels=(("l", "1"),), annotations=(("a", "2"),), owners=(owner,))
    assert (body["apiVersion"], body["kind"]) == (API_VERSION, "DestinationRule")
    assert list(body) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(body["metadata"].items()) == [
        ("name", "v1"),
        ("namespace", "ns"),
        ("labels", {"l": "1"}),
        ("annotations", {"a": "2"}),
        (
            "ownerReferences",
            [
                {"apiVersion": owner.api_version, "kind": owner.kind, "name": "iris", "uid": "u-1"}
                | {"controller": True}
            ],
        ),
    ]


def test_what_the_user_wrote_wrong_is_found_by_istios_rules() -> None:
    fields = [violation.path[-1] for violation in check_object(make_body(CookieHash("")))]
    assert [*fields, *(violation.path[-1] for violation in check_object(make_body(HeaderHash(""))))] == [
        "name",
        "httpHeaderName",
    ]


@pytest.mark.skipif(not CASES, reason="MESHSPLIT_ISTIO_CASES is not set")
@pytest.mark.parametrize(
    ("case", "affinity"),
    [
        ("consistent-hash-cookie", CookieHash("iris-replica", 3600)),
        ("consistent-hash-header", HeaderHash("x-user")),
    ],
)
def test_a_body_says_what_a_real_istiod_was_told(case: str, affinity: ReplicaAffinity) -> None:
    said = [*yaml.safe_load_all((Path(CASES or "") / case / "in.yaml").read_text())]
    assert make_body(affinity)["spec"] in [body["spec"] for body in said]
