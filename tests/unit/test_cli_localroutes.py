"""Whether a local gateway serves what its cluster asks for."""

from copy import deepcopy
from typing import Any

from meshsplit.cli.localroutes import are_served
from meshsplit.model import Settings, Translation
from meshsplit.translate import translate
from support.manifests import make_model_split, make_namespace, make_pair, make_runtime

WEIGHTS = [{"name": "mnist-v1", "weight": 100}, {"name": "mnist-v2", "weight": 0}]
FLIPPED: dict[str, Any] = {"strategy": {"blueGreen": {}}, "stableMember": "mnist-v1"}


def ask(**spec: Any) -> Translation:
    split = make_model_split(modelTag="mnist", weightsFrom="Spec", members=WEIGHTS, **spec)
    asked = translate([make_namespace(), make_runtime(), *make_pair(None, None), split], Settings(), {})
    assert [body["metadata"]["name"] for body in asked.objects] == ["mnist-splitting", "mnist-v1", "mnist-v2"]
    return asked


def with_another_route(asked: Translation, name: str) -> list[dict[str, Any]]:
    """What is asked for, where the VirtualService of that name has one route more."""
    served = deepcopy(list(asked.objects))
    (body,) = (body for body in served if body["metadata"]["name"] == name)
    body["spec"]["http"].insert(0, {"name": "another"})
    return served


def test_it_is_where_everything_is_there_as_it_is_asked_for() -> None:
    asked = ask()
    assert are_served(asked, asked.objects)
    assert not are_served(asked, asked.objects[1:])
    assert not are_served(asked, with_another_route(asked, "mnist-splitting"))


def test_a_rollout_may_add_routes_to_those_of_its_group_and_to_no_others() -> None:
    asked = ask(**FLIPPED)
    assert are_served(asked, with_another_route(asked, "mnist-splitting"))
    assert not are_served(asked, with_another_route(asked, "mnist-v1"))
    assert not are_served(asked, asked.objects[1:])


def test_what_is_there_beside_it_still_has_to_go() -> None:
    served = ask().objects
    alone = translate([make_namespace(), make_runtime()], Settings(), {})
    assert not are_served(alone, served)
