"""What the status of a ModelSplit says, condition by condition."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from meshsplit.api.fields import MAX_MESSAGE
from meshsplit.api.status import ModelSplitStatus
from meshsplit.controller.conditions import Facts, say_ready, say_routes, say_weights
from meshsplit.controller.live import to_live_split, to_text
from meshsplit.controller.report import find_roles, make_bystander_status, make_fields, make_status
from meshsplit.diagnostics import Finding, ObjectRef, Related
from meshsplit.model import Outcome, Settings, Split
from support.istio import make_group, make_split, model_mesh

NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
MEMBER_B = ObjectRef("InferenceService", "ns", "b")
SPLIT_80_20 = make_split({"a": 80, "b": 20})
NO_STATUS = ModelSplitStatus()
SPLIT_BODY = {
    "apiVersion": "meshsplit.dev/v1alpha1",
    "kind": "ModelSplit",
    "metadata": {"name": "g", "namespace": "ns"},
    "spec": {"modelTag": "g"},
}


def facts_of(
    target: Split | None = SPLIT_80_20,
    split: Split | None = SPLIT_80_20,
    *findings: Finding,
    refused: Finding | None = None,
    withdrawn: Finding | None = None,
    rejected: str = "",
    failed: str = "",
) -> Facts:
    group = make_group(model_mesh("a"), model_mesh("b"))
    group = replace(group, target=target, refused=refused, withdrawn=withdrawn)
    blocking = [finding for finding in (refused, withdrawn) if finding is not None]
    return Facts(Outcome(group, split), (*findings, *blocking), rejected=rejected, failed=failed)


def wrong_sum() -> Finding:
    related = (Related("a   80", MEMBER_B), Related("b   30", MEMBER_B))
    return Finding("MSP101", "percentages add up to 110", MEMBER_B, fix="set b to 20", related=related)


def conditions_of(status: ModelSplitStatus) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status, condition.reason) for condition in status.conditions}


@pytest.mark.parametrize("facts", [facts_of(), facts_of(None, None), facts_of(failed="cannot write: 403")])
def test_a_status_that_stays_is_known_by_its_text(facts: Facts) -> None:
    written = make_status(facts, 7, NO_STATUS, NOW).model_dump(mode="json", by_alias=True, exclude_none=True)
    body = {**SPLIT_BODY, "status": written}
    live = to_live_split(body, Settings())
    later = NOW + timedelta(hours=1)
    assert to_text(make_fields(facts, 7, live.since, later)) == live.reported
    assert to_text(make_fields(facts, 8, live.since, later)) != live.reported
    assert to_text(make_fields(facts, 7, {}, later)) != live.reported


def test_a_group_that_serves_its_target_is_ready_and_steady() -> None:
    status = make_status(facts_of(), 7, NO_STATUS, NOW)
    assert conditions_of(status) == {
        "Ready": ("True", "Steady"),
        "Reconciling": ("False", "Written"),
        "RoutesAccepted": ("True", "Accepted"),
        "Stalled": ("False", "NotStalled"),
        "WeightsValid": ("True", "SumIs100"),
    }
    assert {condition.observed_generation for condition in status.conditions} == {7}
    assert (status.observed_generation, status.strategy, status.weight, status.target) == (
        7,
        "Static",
        "80 / 20",
        "80 / 20",
    )
    assert [(m.name, m.role, m.target_weight, m.weight) for m in status.members] == [
        ("a", "stable", 80, 80),
        ("b", "canary", 20, 20),
    ]


def test_wrong_percentages_name_the_sum_the_fix_and_what_serves() -> None:
    facts = facts_of(None, SPLIT_80_20, wrong_sum())
    says = say_weights(facts)
    assert (says.status, says.reason) == ("False", "SumNot100")
    assert says.message == (
        "a 80 + b 30 = 110, want 100 (MSP101); set b to 20; serving the last valid split: a 80, b 20"
    )
    status = make_status(facts, 1, NO_STATUS, NOW)
    assert conditions_of(status)["Ready"] == ("False", "Invalid")
    assert conditions_of(status)["Stalled"] == ("True", "Invalid")
    assert (status.weight, status.target) == ("80 / 20", "")


def test_a_new_group_with_wrong_percentages_serves_nothing_and_says_so() -> None:
    assert say_ready(facts_of(None, None, wrong_sum())).message.endswith("; nothing is served yet")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("MSP203", "Refused"),
        ("MSP212", "Refused"),
        ("MSP009", "Invalid"),
        ("MSP108", "Invalid"),
        ("MSP401", "Invalid"),
    ],
)
def test_a_refusal_is_a_collision_or_a_mistake_in_an_object(code: str, reason: str) -> None:
    refusal = Finding(code, "no", ObjectRef("ModelSplit", "ns", "g"), fix="mend it")
    says = say_ready(facts_of(refused=refusal))
    assert (says.status, says.reason) == ("False", reason)
    assert says.message == f"no ({code}); mend it; serving the last valid split: a 80, b 20"


def test_a_group_without_a_place_is_not_exposed() -> None:
    off = Finding("MSP305", "the mesh is off", ObjectRef("Namespace", "", "ns"), fix="switch it on")
    status = make_status(facts_of(split=None, withdrawn=off), 1, NO_STATUS, NOW)
    assert conditions_of(status)["Ready"] == ("False", "NotExposed")
    assert conditions_of(status)["RoutesAccepted"] == ("False", "NotExposed")
    assert status.weight == ""


def test_a_member_that_is_not_ready_is_waited_for() -> None:
    waiting = Finding("MSP107", "b is not Ready", MEMBER_B, fix="see why")
    status = make_status(facts_of(SPLIT_80_20, make_split({"a": 100, "b": 0}), waiting), 1, NO_STATUS, NOW)
    assert conditions_of(status)["Ready"] == ("False", "MemberNotReady")
    assert conditions_of(status)["Reconciling"] == ("True", "MemberNotReady")
    assert conditions_of(status)["Stalled"] == ("False", "NotStalled")


def test_what_the_server_refuses_stalls_and_what_it_cannot_take_now_is_tried_again() -> None:
    rejected = make_status(facts_of(rejected="the API server refused it"), 1, NO_STATUS, NOW)
    assert conditions_of(rejected)["RoutesAccepted"] == ("False", "RouteRejected")
    assert conditions_of(rejected)["Stalled"] == ("True", "RouteRejected")
    failed = make_status(facts_of(failed="cannot write: 403"), 1, NO_STATUS, NOW)
    assert conditions_of(failed)["Ready"] == ("False", "WriteFailed")
    assert conditions_of(failed)["Reconciling"] == ("True", "WriteFailed")


@pytest.mark.parametrize(
    ("code", "reason"),
    [("MSP301", "ForeignVirtualService"), ("MSP303", "GatewayNotFound"), ("MSP308", "RouteRejected")],
)
def test_routes_that_nobody_meets_are_not_accepted(code: str, reason: str) -> None:
    finding = Finding(code, "no", ObjectRef("VirtualService", "ns", "g-splitting"))
    assert (say_routes(facts_of(SPLIT_80_20, SPLIT_80_20, finding)).reason) == reason


def test_a_condition_keeps_the_time_since_when_its_status_is_so() -> None:
    first = make_status(facts_of(), 1, NO_STATUS, NOW)
    later = NOW + timedelta(minutes=5)
    again = make_status(facts_of(), 2, first, later)
    changed = make_status(facts_of(None, SPLIT_80_20, wrong_sum()), 2, again, later)
    times = {condition.type: condition.last_transition_time for condition in changed.conditions}
    assert {condition.last_transition_time for condition in again.conditions} == {NOW.replace(microsecond=0)}
    assert times["WeightsValid"] == later.replace(microsecond=0)
    assert times["RoutesAccepted"] == NOW.replace(microsecond=0)


def test_a_status_survives_being_written_and_read() -> None:
    status = make_status(facts_of(), 3, NO_STATUS, NOW)
    written = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert ModelSplitStatus.model_validate(written) == status
    assert written["conditions"][0]["lastTransitionTime"] == "2026-01-02T03:04:05Z"


def test_a_message_is_never_longer_than_its_field() -> None:
    long = Finding("MSP203", "x" * 5000, MEMBER_B)
    status = make_status(facts_of(refused=long), 1, NO_STATUS, NOW)
    assert {len(condition.message) <= MAX_MESSAGE for condition in status.conditions} == {True}


def test_a_bystander_says_who_came_first_or_waits_for_members() -> None:
    taken = Finding("MSP204", "another one claims it", ObjectRef("ModelSplit", "ns", "second"), fix="drop it")
    assert conditions_of(make_bystander_status(taken, 1, NO_STATUS, NOW))["Ready"] == ("False", "Refused")
    nobody = Finding("MSP108", "nobody carries the tag", ObjectRef("ModelSplit", "ns", "second"))
    waiting = conditions_of(make_bystander_status(nobody, 1, NO_STATUS, NOW))
    assert (waiting["Ready"], waiting["Reconciling"]) == (("False", "NoMembers"), ("True", "NoMembers"))


def test_roles_are_only_given_where_there_are_two_sides() -> None:
    pair = make_group(model_mesh("a"), model_mesh("b"))
    assert find_roles(pair, make_split({"a": 20, "b": 80})) == ("b", "a")
    assert find_roles(pair, make_split({"a": 50, "b": 50})) == ("a", "b")
    assert find_roles(replace(pair, stable_member="b"), SPLIT_80_20) == ("b", "a")
    three = make_group(model_mesh("a"), model_mesh("b"), model_mesh("c"))
    assert find_roles(three, make_split({"a": 80, "b": 20, "c": 0})) == ("", "")


def test_per_mille_is_shown_in_percent() -> None:
    fine = Split((("a", 995), ("b", 5)), 1000)
    assert make_status(facts_of(SPLIT_80_20, fine), 1, NO_STATUS, NOW).weight == "99.5 / 0.5"
