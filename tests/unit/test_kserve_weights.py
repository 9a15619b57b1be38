from typing import Any

import pytest

from meshsplit.diagnostics import ObjectRef, Severity, severity_of
from meshsplit.model import Split
from support.manifests import (
    PERCENT,
    codes,
    group_of,
    make_model_split,
    make_pair,
    make_service,
    only,
    understand_in_mesh,
)

PATH = ("metadata", "annotations", PERCENT)


def test_percentages_are_the_target() -> None:
    world = understand_in_mesh(*make_pair("80", "20"))
    assert codes(world) == []
    assert group_of(world).target == Split((("mnist-v1", 80), ("mnist-v2", 20)))


@pytest.mark.parametrize(("raw", "percent"), [("0", 0), ("100", 100), ("007", 7), ("020", 20)])
def test_up_to_three_ascii_digits_are_a_percentage(raw: str, percent: int) -> None:
    target = group_of(understand_in_mesh(*make_pair(raw, str(100 - percent)))).target
    assert target is not None
    assert target.of("mnist-v1") == percent


@pytest.mark.parametrize(
    ("raw", "fix"),
    [
        ("50%", 'write "50"'),
        (" 50", 'write "50"'),
        ("+50", 'write "50"'),
        ("50.0", 'write "50"'),
        ("50.5", "write a whole number"),
        ("-5", "write a whole number"),
        ("101", "write a whole number"),
        ("150", "write a whole number"),
        ("0100", "write a whole number"),
        ("1e2", "write a whole number"),
        ("\u0665\u0660", "write a whole number"),
        ("", "write a whole number"),
        ("50\n", 'write "50"'),
        ("9" * 5000, "write a whole number"),
        ("\ud800", "write a whole number"),
    ],
)
def test_anything_else_is_refused_and_nothing_more_is_said(raw: str, fix: str) -> None:
    world = understand_in_mesh(*make_pair(raw, "20"))
    finding = only(world, "MSP102")
    assert codes(world) == ["MSP102"]
    assert (finding.object, finding.path) == (ObjectRef("InferenceService", "models", "mnist-v1"), PATH)
    assert finding.fix.startswith(fix)
    assert group_of(world).target is None


@pytest.mark.parametrize("raw", [80, True, 80.5, 1e400, [], {}, ["80"]])
def test_what_is_not_text_is_refused_even_for_one_member(raw: Any) -> None:
    world = understand_in_mesh(make_service("mnist-v1", raw))
    assert codes(world) == ["MSP102"]
    assert group_of(world).target is None


def test_the_fix_of_an_unquoted_number_is_to_quote_it() -> None:
    assert only(understand_in_mesh(make_service("a", 80)), "MSP102").fix == 'quote it: "80"'
    assert "in quotes" in only(understand_in_mesh(make_service("a", True)), "MSP102").fix


def test_a_null_percentage_is_a_missing_one() -> None:
    pair = make_pair("80", "20")
    pair[1]["metadata"]["annotations"][PERCENT] = None
    assert codes(understand_in_mesh(*pair)) == ["MSP104"]


def test_a_wrong_sum_has_the_numbers_and_one_edit_that_mends_it() -> None:
    finding = only(understand_in_mesh(*make_pair("80", "30")), "MSP101")
    assert finding.message == "percentages of group mnist add up to 110, not 100"
    assert finding.object == ObjectRef("InferenceService", "models", "mnist-v2")
    assert finding.path == PATH
    assert finding.fix == "set mnist-v2 to 20"
    assert finding.details == (
        "Istio would accept this and serve 72.7 / 27.3. meshsplit keeps the last valid split instead.",
    )
    assert [(r.text, r.object.name, r.path) for r in finding.related] == [
        ("mnist-v1   80", "mnist-v1", PATH),
        ("mnist-v2   30", "mnist-v2", PATH),
    ]


def test_the_edit_is_at_the_last_member_that_can_take_it() -> None:
    finding = only(understand_in_mesh(*make_pair("80", "20"), make_service("mnist-v3", "10")), "MSP101")
    assert finding.fix == "set mnist-v3 to 0"
    finding = only(understand_in_mesh(*make_pair("90", "20"), make_service("mnist-v3", "10")), "MSP101")
    assert finding.object is not None
    assert finding.object.name == "mnist-v2"
    assert finding.fix == "set mnist-v2 to 0"


def test_a_sum_that_no_single_edit_mends() -> None:
    three = [make_service(f"mnist-v{i}", "100") for i in (1, 2, 3)]
    finding = only(understand_in_mesh(*three), "MSP101")
    assert finding.fix == "change mnist-v1, mnist-v2, mnist-v3 so that they add up to 100"
    assert finding.object is not None
    assert finding.object.name == "mnist-v3"


def test_every_missing_percentage_is_told_and_only_a_lone_one_is_computed() -> None:
    world = understand_in_mesh(*make_pair("80", None))
    assert only(world, "MSP104").fix == f'add the annotation {PERCENT}: "20"'
    world = understand_in_mesh(*make_pair(None, None))
    assert codes(world) == ["MSP104", "MSP104"]
    assert {finding.fix for finding in world.findings} == {
        f"add the annotation {PERCENT} with a whole number from 0 to 100"
    }


def test_one_wrong_percentage_is_not_also_a_wrong_sum() -> None:
    assert codes(understand_in_mesh(*make_pair("80%", None))) == ["MSP102", "MSP104"]


def test_all_zero_is_said_instead_of_a_wrong_sum() -> None:
    world = understand_in_mesh(*make_pair("0", "0"))
    assert codes(world) == ["MSP103"]
    assert group_of(world).target is None


@pytest.mark.parametrize("raw", [None, "100"])
def test_one_member_gets_everything(raw: str | None) -> None:
    world = understand_in_mesh(make_service("mnist-v1", raw))
    assert codes(world) == []
    assert group_of(world).target == Split((("mnist-v1", 100),))


@pytest.mark.parametrize("raw", ["80", "0", "80%", ""])
def test_the_percentage_of_one_member_is_ignored_with_a_warning(raw: str) -> None:
    world = understand_in_mesh(make_service("mnist-v1", raw))
    assert severity_of(only(world, "MSP105")) is Severity.WARNING
    assert group_of(world).target == Split((("mnist-v1", 100),))


def listed(**weights: int) -> list[dict[str, Any]]:
    return [{"name": name.replace("_", "-"), "weight": weight} for name, weight in weights.items()]


def test_weights_of_a_model_split_are_the_target() -> None:
    world = understand_in_mesh(
        *make_pair(None, None, tag=None),
        make_model_split(weightsFrom="Spec", members=listed(mnist_v2=25, mnist_v1=75)),
    )
    assert codes(world) == []
    assert group_of(world).target == Split((("mnist-v1", 75), ("mnist-v2", 25)))


def test_weights_of_a_model_split_that_do_not_add_up() -> None:
    world = understand_in_mesh(
        *make_pair(None, None),
        make_model_split(weightsFrom="Spec", members=listed(mnist_v1=80, mnist_v2=30)),
    )
    finding = only(world, "MSP101")
    assert finding.message == "members: weights add up to 110, want 100"
    assert finding.path == ("spec", "members")
    assert finding.fix == "set mnist-v2 to 20"
    assert [r.path for r in finding.related] == [
        ("spec", "members", 0, "weight"),
        ("spec", "members", 1, "weight"),
    ]
    group = group_of(world)
    assert (group.target, group.refused) == (None, None)
