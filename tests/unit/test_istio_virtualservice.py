from dataclasses import replace

from meshsplit.istio.plan import make_group_plan
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import Owner, Retries
from support.istio import API_VERSION, make_group, make_routing, make_split, model_mesh

PLAN = make_group_plan(
    make_group(
        model_mesh("a"),
        model_mesh("b"),
        routing=make_routing(timeout="7s", retries=Retries(0)),
    ),
    make_split({"a": 80, "b": 20}),
)


def test_keys_are_in_canonical_order() -> None:
    body = make_virtual_service(
        replace(PLAN, owners=(Owner("v1", "InferenceService", "a", "u-1"),)), "networking.istio.io/v1beta1"
    )
    assert list(body) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(body["metadata"]) == ["name", "namespace", "labels", "annotations", "ownerReferences"]
    assert list(body["spec"]) == ["hosts", "gateways", "http"]
    assert list(body["spec"]["http"][1]) == ["name", "match", "rewrite", "route", "timeout", "retries"]
    assert list(body["spec"]["http"][0]["route"][0]) == ["destination", "weight", "headers"]
    assert body["apiVersion"] == "networking.istio.io/v1beta1"


def test_the_first_owner_is_the_controller_of_the_object_and_none_blocks_its_own_deletion() -> None:
    split = Owner("meshsplit.dev/v1alpha1", "ModelSplit", "mnist", "u-0")
    owned = replace(PLAN, owners=(split, Owner("serving.kserve.io/v1beta1", "InferenceService", "a", "u-1")))
    assert make_virtual_service(owned, API_VERSION)["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "meshsplit.dev/v1alpha1",
            "kind": "ModelSplit",
            "name": "mnist",
            "uid": "u-0",
            "controller": True,
        },
        {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "a", "uid": "u-1"},
    ]
    assert "ownerReferences" not in make_virtual_service(PLAN, API_VERSION)["metadata"]


def test_attempts_0_is_written_because_it_switches_istios_own_retries_off() -> None:
    assert make_virtual_service(PLAN, API_VERSION)["spec"]["http"][0]["retries"] == {"attempts": 0}
