"""One controller and one cluster, step by step, at a clock of the test's own."""

from support.fleet import SPLITS
from support.manifests import NAMESPACE, make_pair
from support.offline import Scene


def test_a_group_that_lists_only_members_that_are_not_there_keeps_no_route_to_others() -> None:
    scene = Scene().serve(*make_pair())
    assert scene.weights() == "mnist-v1=80,mnist-v2=20"
    listed = {"weightsFrom": "Spec", "members": [{"name": "ghost", "weight": 100}], "modelTag": None}
    scene.user.patch(SPLITS, {"spec": listed}, "mnist", NAMESPACE)
    scene.controller.settle()
    assert scene.weights() is None
