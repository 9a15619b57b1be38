"""What users do to a group's members, one edit after the other, and what serves in between."""

from support.fleet import SERVICES
from support.generations import check_generation
from support.history import recording
from support.scene import Scene, Time, running
from support.waiting import eventually


def test_a_new_group_serves_its_percentages_and_says_so(scene: Scene) -> None:
    with running(scene.api):
        scene.pair()
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.says("Ready", "True", "Steady")
    assert scene.condition("WeightsValid") == ("True", "SumIs100")
    assert scene.condition("RoutesAccepted") == ("True", "Accepted")
    assert scene.condition("Stalled") == ("False", "NotStalled")
    assert scene.condition("Reconciling") == ("False", "Written")


def test_between_two_edits_the_last_valid_split_serves_and_nobody_is_warned(scene: Scene) -> None:
    scene.pair()
    time = Time()
    with recording(scene) as history, running(scene.api, time) as manager:
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.edit("mnist-v1", "60")
        scene.says("WeightsValid", "False", "SumNot100")
        assert scene.condition("Ready") == ("False", "Invalid")
        assert scene.condition("Stalled") == ("True", "Invalid")
        assert "mnist-v1 60 + mnist-v2 20 = 80, want 100 (MSP101)" in scene.message("WeightsValid")
        assert scene.weights() == "mnist-v1=80,mnist-v2=20"
        scene.edit("mnist-v2", "40")
        scene.serves("mnist-v1=60,mnist-v2=40")
        scene.says("WeightsValid", "True", "SumIs100")
        time.ahead = 60.0
        scene.work_again(manager)
    assert scene.events("WeightsInvalid") == []
    assert history.splits("mnist-splitting") == ["mnist-v1=80,mnist-v2=20", "mnist-v1=60,mnist-v2=40"]


def test_a_sum_that_stays_wrong_is_told_once_after_the_time_to_settle(scene: Scene) -> None:
    scene.pair()
    time = Time()
    with running(scene.api, time) as manager:
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.edit("mnist-v1", "90")
        scene.says("WeightsValid", "False", "SumNot100")
        assert scene.events("WeightsInvalid") == []
        time.ahead = 10.0
        scene.work_again(manager)
        eventually(lambda: len(scene.events("WeightsInvalid")) == 3, "the group and both members are told")
    with running(scene.api, time) as manager:
        time.ahead = 700.0
        scene.work_again(manager)
        scene.edit("mnist-v2", "10")
        scene.serves("mnist-v1=90,mnist-v2=10")
    told = scene.events("WeightsInvalid")
    assert sorted(event["involvedObject"]["name"] for event in told) == ["mnist", "mnist-v1", "mnist-v2"]
    assert {event["source"]["component"] for event in told} == {"meshsplit"}
    assert {event["type"] for event in told} == {"Warning"}


def test_a_member_that_is_retagged_moves_and_its_old_group_never_leads_to_it_again(scene: Scene) -> None:
    scene.pair()
    scene.add("mnist-v3", "0")
    scene.add("other-v1", None, "other")
    with recording(scene) as history, running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20,mnist-v3=0")
        scene.serves("other-v1=100", "other")
        scene.patch(
            SERVICES,
            "mnist-v2",
            {
                "metadata": {
                    "labels": {"serving.kserve.io/model-tag": "other"},
                    "annotations": {"serving.kserve.io/canaryTrafficPercent": "0"},
                }
            },
        )
        scene.serves("mnist-v1=100,mnist-v3=0")
        scene.says("WeightsValid", "False", "SumNot100")
        scene.says("WeightsValid", "False", "MissingPercentage", "other")
        scene.edit("other-v1", "100")
        scene.serves("mnist-v2=0,other-v1=100", "other")
    assert history.splits("mnist-splitting")[-1] == "mnist-v1=100,mnist-v3=0"
    check_generation(scene.route() or {})


def test_an_untagged_member_leaves_and_the_others_share_what_it_had(scene: Scene) -> None:
    scene.add("mnist-v1", "60")
    scene.add("mnist-v2", "30")
    scene.add("mnist-v3", "10")
    with running(scene.api):
        scene.serves("mnist-v1=60,mnist-v2=30,mnist-v3=10")
        scene.tag("mnist-v3", None)
        scene.serves("mnist-v1=67,mnist-v2=33")
        scene.says("WeightsValid", "False", "SumNot100")
        assert scene.route("mnist-v3") is not None, "it is still a model of its own"


def test_a_deleted_member_gets_no_traffic_although_the_rest_is_not_100(scene: Scene) -> None:
    scene.add("mnist-v1", "40")
    scene.add("mnist-v2", "40")
    scene.add("mnist-v3", "20")
    with recording(scene) as history, running(scene.api):
        scene.serves("mnist-v1=40,mnist-v2=40,mnist-v3=20")
        scene.remove(SERVICES, "mnist-v2")
        scene.serves("mnist-v1=67,mnist-v3=33")
        scene.says("WeightsValid", "False", "SumNot100")
        eventually(lambda: scene.route("mnist-v2") is None, "the model's own routes are gone")
        assert scene.find(SERVICES, "mnist-v2") is None
    assert history.splits("mnist-splitting") == [
        "mnist-v1=40,mnist-v2=40,mnist-v3=20",
        "mnist-v1=67,mnist-v3=33",
    ]
    assert "mnist-v2" not in str(history.of("mnist-splitting")[-1])


def test_a_member_that_waits_for_a_finalizer_is_no_member_any_more(scene: Scene) -> None:
    scene.pair()
    scene.patch(SERVICES, "mnist-v2", {"metadata": {"finalizers": ["test/wait"]}})
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.remove(SERVICES, "mnist-v2")
        scene.serves("mnist-v1=100")
        assert scene.find(SERVICES, "mnist-v2") is not None
        scene.patch(SERVICES, "mnist-v2", {"metadata": {"finalizers": None}})
        eventually(lambda: scene.find(SERVICES, "mnist-v2") is None, "nothing of ours holds it")


def test_with_the_last_member_the_routes_and_the_mirror_go(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.remove(SERVICES, "mnist-v1")
        scene.remove(SERVICES, "mnist-v2")
        eventually(lambda: scene.user.routes(scene.namespace) == {}, "no routes are left")
        eventually(lambda: scene.message("Ready") == "", "no ModelSplit is left")


def test_one_member_needs_no_percentage(scene: Scene) -> None:
    scene.add("mnist-v1")
    with running(scene.api):
        scene.serves("mnist-v1=100")


def test_percentages_that_are_none_change_nothing_that_serves(scene: Scene) -> None:
    scene.pair()
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        for first, reason in (
            ("80%", "NotAPercentage"),
            ("-5", "NotAPercentage"),
            ("150", "NotAPercentage"),
            ("٨٠", "NotAPercentage"),
            (None, "MissingPercentage"),
            ("9" * 40, "NotAPercentage"),
        ):
            scene.edit("mnist-v1", first)
            scene.says("WeightsValid", "False", reason)
            assert scene.weights() == "mnist-v1=80,mnist-v2=20"
        scene.edit("mnist-v1", "0")
        scene.edit("mnist-v2", "0")
        scene.says("WeightsValid", "False", "TotalZero")
        assert scene.weights() == "mnist-v1=80,mnist-v2=20"


def test_every_state_that_anybody_could_see_adds_up(scene: Scene) -> None:
    scene.pair("100", "0")
    with recording(scene) as history, running(scene.api):
        for second in (*range(0, 101, 10), 1, 0):
            scene.edit("mnist-v1", str(100 - second))
            scene.edit("mnist-v2", str(second))
            scene.serves(f"mnist-v1={100 - second},mnist-v2={second}")
    seen = history.of("mnist-splitting")
    assert len(seen) == 13
    for body in seen:
        check_generation(body)


def test_nobody_writes_to_an_inference_service(scene: Scene) -> None:
    scene.pair()
    before = [body["metadata"]["generation"] for body in scene.user.all(SERVICES, scene.namespace)]
    with running(scene.api):
        scene.serves("mnist-v1=80,mnist-v2=20")
        scene.annotate_namespace(mesh="false")
        scene.serves(None)
    after = scene.user.all(SERVICES, scene.namespace)
    assert [body["metadata"]["generation"] for body in after] == before
    managers = {entry["manager"] for body in after for entry in body["metadata"]["managedFields"]}
    assert "kubectl" in managers
    assert "meshsplit" not in managers


def test_ten_members_share_the_traffic(scene: Scene) -> None:
    for number in range(10):
        scene.add(f"mnist-{number}", "10")
    with running(scene.api):
        scene.serves(",".join(f"mnist-{number}=10" for number in range(10)))
    check_generation(scene.route() or {})
