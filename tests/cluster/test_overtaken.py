"""An edit between what a pass has read and the status that it writes is not lost."""

from meshsplit.api.status import ModelSplitStatus
from meshsplit.controller.cache import Cache
from meshsplit.controller.claims import Claims
from meshsplit.controller.index import group_keys
from meshsplit.controller.live import LiveSplit, to_live_split
from meshsplit.controller.splits import Splits
from meshsplit.model import GroupKey, Settings
from support.fleet import SPLITS
from support.scene import Scene


def read(scene: Scene) -> LiveSplit:
    return to_live_split(scene.find(SPLITS, "mnist") or {}, Settings())


def make_splits(scene: Scene) -> tuple[Splits, list[frozenset[GroupKey]]]:
    """What writes, and the groups it says are to be looked at again."""
    overtaken: list[frozenset[GroupKey]] = []
    store = Cache(Claims()).splits
    return Splits(scene.client, Settings(), store, lambda keys: overtaken.append(group_keys(keys))), overtaken


def test_an_edit_that_the_answer_to_a_status_shows_is_looked_at(scene: Scene) -> None:
    scene.put(SPLITS, "mnist", {"modelTag": "mnist"})
    splits, overtaken = make_splits(scene)
    splits.report(read(scene), ModelSplitStatus(observedGeneration=1))
    assert overtaken == []
    before = read(scene)
    scene.patch(SPLITS, "mnist", {"spec": {"stableMember": "mnist-v1"}})
    splits.report(before, ModelSplitStatus(observedGeneration=1, strategy="Canary"))
    assert overtaken == [frozenset({GroupKey(scene.namespace, "mnist")})]


def test_so_is_a_request(scene: Scene) -> None:
    scene.put(SPLITS, "mnist", {"modelTag": "mnist"})
    splits, overtaken = make_splits(scene)
    before = read(scene)
    scene.patch(SPLITS, "mnist", {"metadata": {"annotations": {"meshsplit.dev/request": "pause"}}})
    splits.report(before, ModelSplitStatus(observedGeneration=1))
    assert overtaken == [frozenset({GroupKey(scene.namespace, "mnist")})]
