"""A ModelSplit in words, and who wrote which field of an object."""

from typing import Any

import pytest

from meshsplit.cli.explainlive import MEANINGS
from meshsplit.cli.livebodies import owned_by
from meshsplit.cli.ownership import find_authors, find_writers
from meshsplit.cli.situation import to_percent
from meshsplit.cli.splits import NO_STATUS, to_live_split, to_split_report
from meshsplit.controller import conditions
from meshsplit.rollout.state import ACTIVE
from support.live import make_condition, make_split

PERCENT = ("metadata", "annotations", "example.dev/percent")


def test_a_split_without_a_status_wants_attention() -> None:
    split = to_live_split(make_split("mnist", spec={"modelTag": "digits", "strategy": {"blueGreen": {}}}))
    assert (split.group, split.strategy, split.ready) == ("digits", "BlueGreen", None)
    assert split.attention == NO_STATUS
    assert not split.is_stale
    assert to_split_report(split)["status"] is None


@pytest.mark.parametrize("spec", [{}, {"modelTag": 3}, {"strategy": []}, {"strategy": None}])
def test_a_spec_of_another_shape_is_no_error(spec: dict[str, Any]) -> None:
    split = to_live_split({"metadata": {"name": "mnist"}, "spec": spec})
    assert (split.namespace, split.group, split.strategy) == ("", "mnist", "Static")


def test_a_status_of_another_shape_is_told_with_its_field() -> None:
    split = to_live_split(make_split("mnist", weight=7))
    assert split.attention.startswith("its status is of another version: status.weight: ")
    assert split.ready is None


@pytest.mark.parametrize(
    ("conditions", "attention"),
    [
        ([make_condition("Ready", "True", "Steady", "serving a 80, b 20")], ""),
        ([make_condition("Ready", "False", "Invalid", "the sum is 110")], "the sum is 110"),
        ([make_condition("Ready", "False", "Invalid")], "Invalid"),
        ([make_condition("Ready", "Unknown", "New", "not seen yet")], "not seen yet"),
        (
            [
                make_condition("Ready", "True", "RolledBack"),
                make_condition("Stalled", "True", "x", "was bad"),
            ],
            "was bad",
        ),
        ([make_condition("Ready", "True", "Pending"), make_condition("Stalled", "False", "NotStalled")], ""),
    ],
)
def test_what_wants_attention(conditions: list[dict[str, Any]], attention: str) -> None:
    assert to_live_split(make_split("mnist", conditions=conditions)).attention == attention


def test_a_weight_that_serves_against_what_is_asked_has_a_mark() -> None:
    wrong = [make_condition("WeightsValid", "False", "SumNot100")]
    assert to_live_split(make_split("a", weight="80 / 20", conditions=wrong)).weight == "80 / 20!"
    assert to_live_split(make_split("a", weight="80 / 20")).weight == "80 / 20"
    assert to_live_split(make_split("a", conditions=wrong)).weight == ""


def test_a_status_of_an_older_generation_is_stale() -> None:
    body = make_split("a", observedGeneration=6, conditions=[make_condition("Ready")])
    body["metadata"]["generation"] = 7
    assert to_live_split(body).is_stale


@pytest.mark.parametrize(
    ("weight", "total", "text"), [(80, 100, "80"), (995, 1000, "99.5"), (0, 100, "0"), (None, 100, "")]
)
def test_shares_are_percent_without_trailing_zeros(weight: int | None, total: int, text: str) -> None:
    assert to_percent(weight, total) == text


def make_entry(manager: str, time: str | None, *keys: str, operation: str = "Update") -> dict[str, Any]:
    annotations: dict[str, Any] = {f"f:{key}": {} for key in keys}
    fields = {"f:metadata": {"f:annotations": annotations}}
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": fields}


def make_object(name: str, *entries: object) -> dict[str, Any]:
    return {"metadata": {"name": name, "managedFields": list(entries)}}


def test_the_latest_writer_of_a_field_comes_first_and_others_are_left_out() -> None:
    body = make_object(
        "a",
        make_entry("kubectl-edit", "2026-01-01T00:00:00Z", PERCENT[-1]),
        make_entry("kserve", "2026-03-01T00:00:00Z", "example.dev/other"),
        make_entry("argocd-controller", "2026-02-01T00:00:00Z", PERCENT[-1], operation="Apply"),
        make_entry("unknown-time", None, PERCENT[-1]),
        "no entry",
    )
    writers = find_writers(body, PERCENT)
    assert [(writer.manager, writer.applies) for writer in writers] == [
        ("argocd-controller", True),
        ("kubectl-edit", False),
        ("unknown-time", False),
    ]
    assert find_writers({"metadata": {}}, PERCENT) == ()


def test_authors_of_several_objects_are_told_by_manager() -> None:
    bodies = [
        make_object("a", make_entry("argocd", "2026-01-01T00:00:00Z", PERCENT[-1])),
        make_object("b", make_entry("kubectl", "2026-01-03T00:00:00Z", PERCENT[-1])),
        make_object("c", make_entry("argocd", "2026-01-02T00:00:00Z", PERCENT[-1])),
        make_object("d"),
    ]
    authors = find_authors(bodies, PERCENT)
    assert [(author.writer.manager, author.names) for author in authors] == [
        ("kubectl", ("b",)),
        ("argocd", ("a", "c")),
    ]
    assert authors[1].writer.time is not None
    assert authors[1].writer.time.day == 2


def test_what_others_put_beside_our_metadata_is_not_ours() -> None:
    metadata = {
        "name": "a",
        "labels": {"theirs": "x"},
        "annotations": {"ours": "1", "theirs": "2"},
        "managedFields": [make_entry("meshsplit", None, "ours", operation="Apply")],
    }
    body = {"metadata": metadata, "spec": {}}
    assert owned_by(body, "meshsplit")["metadata"]["annotations"] == {"ours": "1"}
    assert "labels" not in owned_by(body, "meshsplit")["metadata"]
    assert owned_by(body, "somebody")["metadata"]["annotations"] == {"ours": "1", "theirs": "2"}


def test_every_reason_of_ready_is_explained() -> None:
    walked = {str(phase) for phase in ACTIVE} | {"Paused", "RolledBack", "Overridden"}
    said = {conditions.STEADY, *walked, conditions.INVALID, conditions.REFUSED, *conditions.WAITING}
    said |= {conditions.NOT_EXPOSED, conditions.ROUTE_REJECTED, *conditions.ROUTE_REASONS.values()}
    assert said == set(MEANINGS)
