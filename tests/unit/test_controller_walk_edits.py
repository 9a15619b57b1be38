"""What people and git do while a canary walks: new content, targets, aborts, switches, lost readiness."""

from dataclasses import replace

from meshsplit.model import Settings
from support.fleet import SERVICES, SPLITS
from support.manifests import NAMESPACE
from support.walks import Walk

NEW_CONTENT = {"predictor": {"model": {"modelFormat": {"name": "onnx"}, "storageUri": "s3://models/2"}}}


def walk_to(weight: int) -> Walk:
    walk = Walk()
    walk.go()
    walk.tick_to(weight)
    return walk


def test_new_content_of_the_canary_starts_from_the_first_step_again() -> None:
    walk = walk_to(50)
    first = walk.state
    walk.scene.user.patch(SERVICES, {"spec": NEW_CONTENT}, walk.canary, NAMESPACE)
    walk.controller.step()
    assert walk.weight == 10
    assert walk.acts[-2:] == ["Restart", "Start"]
    assert (walk.state.id, walk.state.rollouts) != (first.id, first.rollouts)
    walk.tick_until("Promoted")
    assert walk.acts[-4:] == ["Restart", "Start", "Advance", "Promote"]
    shown = walk.status["lastDecision"]["evidence"][0]
    assert shown["requests"] < 10_000, "evidence of the former content counts for the new one"


def test_new_content_of_stable_restarts_nothing() -> None:
    walk = walk_to(50)
    first = walk.state.id
    walk.scene.user.patch(SERVICES, {"spec": NEW_CONTENT}, walk.stable, NAMESPACE)
    walk.controller.step()
    assert (walk.weight, walk.state.id) == (50, first)


def test_a_revert_in_git_goes_back_at_once() -> None:
    walk = walk_to(50)
    walk.go(100, 0)
    assert walk.weight == 0
    assert walk.acts[-1] == "Revert"
    for _ in range(5):
        walk.tick()
    assert walk.weight == 0
    assert not walk.state.active


def test_an_abort_stays_until_there_is_another_target() -> None:
    walk = walk_to(50)
    walk.ask(f"abort/{walk.state.id}")
    assert (walk.phase, walk.weight) == ("Aborted", 0)
    for _ in range(5):
        walk.tick()
        walk.controller.step()
    walk.edit(members=[{"name": walk.stable, "weight": 0}, {"name": walk.canary, "weight": 100}])
    assert (walk.phase, walk.weight) == ("Aborted", 0)
    before = walk.state.id
    walk.go(40, 60)
    assert walk.phase == "Pending"
    assert walk.state.id != before
    walk.tick_until("Promoted")
    assert walk.weight == 60


def test_another_target_under_way_starts_anew() -> None:
    walk = walk_to(50)
    before = walk.state.id
    walk.go(70, 30)
    assert walk.weight == 10
    assert walk.acts[-2:] == ["Restart", "Start"]
    assert walk.state.id != before
    walk.tick_until("Promoted")
    assert walk.weight == 30


def test_a_canary_that_is_not_ready_any_more_gets_no_more_and_goes_on_when_it_is() -> None:
    walk = walk_to(10)
    walk.scene.user.set_ready(walk.canary, NAMESPACE, ready=False)
    walk.controller.step()
    for _ in range(8):
        walk.tick()
    assert walk.weight == 10
    assert walk.status["lastDecision"]["reason"] == "MemberNotReady"
    walk.scene.user.set_ready(walk.canary, NAMESPACE, ready=True)
    walk.controller.step()
    walk.tick_until("Promoted")


def test_the_switch_for_all_rollouts_holds_steps_and_lets_harm_be_gone_back_from() -> None:
    walk = walk_to(10)
    walk.controller.settings = replace(walk.settings, stop_rollouts=True)
    for _ in range(8):
        walk.tick()
    assert walk.weight == 10
    assert walk.status["rollout"]["waiting"] == "Stopped"
    walk.controller.settings = Settings()
    walk.tick_to(50)
    walk.controller.settings = replace(walk.settings, stop_rollouts=True)
    walk.failing[walk.canary] = 0.5
    walk.tick()
    walk.tick()
    assert (walk.phase, walk.weight) == ("RolledBack", 0)


def test_a_pause_holds_and_a_freeze_holds_even_harm() -> None:
    walk = walk_to(10)
    walk.ask("pause", '{"token": "1"}')
    for _ in range(8):
        walk.tick()
    assert walk.weight == 10
    walk.ask("resume", '{"token": "2"}')
    walk.tick_to(50)
    walk.ask("pause", '{"token": "3", "freeze": true}')
    walk.failing[walk.canary] = 0.5
    for _ in range(4):
        walk.tick()
    assert walk.weight == 50
    assert walk.status["lastDecision"]["reason"] == "Frozen"
    walk.ask("resume", '{"token": "4"}')
    walk.tick()
    assert (walk.phase, walk.weight) == ("RolledBack", 0)


def test_what_is_counted_under_an_override_is_no_evidence_at_the_weight_it_stands_for() -> None:
    walk = walk_to(50)
    before = walk.state.measure
    assert before is not None
    walk.ask("set-weight", '{"token": "1", "weights": {"mnist-v1": 99, "mnist-v2": 1}}')
    assert walk.weight == 1
    for _ in range(20):
        walk.tick()
    walk.ask("clear-weight", '{"token": "2"}')
    assert walk.weight == 50
    walk.tick()
    assert walk.phase == "Progressing", "it was promoted on what was counted at 1 %"
    walk.tick_until("Promoted")


def test_a_request_is_answered_once() -> None:
    walk = walk_to(10)
    walk.ask(f"promote/{walk.state.id}", '{"token": "1", "step": true, "by": "ann"}')
    assert walk.weight == 50
    for _ in range(2):
        walk.start()
        walk.controller.step()
    assert walk.weight == 50
    assert walk.status["request"]["accepted"]
    assert walk.acts.count("Advance") == 1


def test_a_split_that_is_deleted_under_way_lets_go_of_its_slot() -> None:
    walk = walk_to(10)
    key = walk.live.key
    assert not walk.controller.rollouts.slots.is_free(key._replace(name="other"), 1)
    walk.scene.user.delete(SPLITS, "mnist", NAMESPACE)
    walk.controller.step()
    assert walk.controller.rollouts.slots.is_free(key._replace(name="other"), 1)
    assert walk.controller.meter.find(key) is None
