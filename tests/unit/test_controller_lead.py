"""A lead that is lost in the middle of a pass: not one more write."""

import pytest

from meshsplit.controller.lead import LeadersWriter
from meshsplit.kube.port import Unavailable
from support.fleet import SERVICES
from support.manifests import NAMESPACE, PERCENT, make_pair, make_service
from support.offline import Scene
from support.stepwise import Controller
from support.store_api import StoreApi


@pytest.mark.parametrize("allowed", range(6))
def test_a_pass_ends_with_the_lead(allowed: int) -> None:
    scene = Scene()
    for body in make_pair():
        scene.user.create(SERVICES, body)
    api = StoreApi(scene.store)
    controller = Controller(api, scene.clock, writer=LeadersWriter(api, lambda: len(api.writes) < allowed))
    controller.start().step()
    assert len(api.writes) == allowed
    assert all(isinstance(error, Unavailable) for error in controller.errors)
    assert controller.errors


def test_every_kind_of_write_is_held_back() -> None:
    scene = Scene()
    scene.user.create(SERVICES, make_service("a"))
    writer = LeadersWriter(StoreApi(scene.store), lambda: False)
    body = make_service("b")
    annotation = {"metadata": {"annotations": {PERCENT: "1"}}}
    for write in (
        lambda: writer.apply(SERVICES, body),
        lambda: writer.apply_status(SERVICES, body),
        lambda: writer.create(SERVICES, body),
        lambda: writer.patch(SERVICES, NAMESPACE, "a", annotation),
        lambda: writer.delete(SERVICES, NAMESPACE, "a"),
    ):
        with pytest.raises(Unavailable, match="does not lead"):
            write()
    assert [each["metadata"]["name"] for each in scene.user.all(SERVICES)] == ["a"]
