"""The pure pipeline on damaged manifests: findings or objects, never an exception or a stray route."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meshsplit.cli.findings import locate_findings, make_places
from meshsplit.istio.rules import check_object
from meshsplit.manifests.merge import combine
from meshsplit.manifests.reader import read_text
from meshsplit.manifests.writer import write_documents
from meshsplit.model import Settings, Translation
from meshsplit.translate import translate

GOLDEN = Path(__file__).parents[1] / "golden"
EXAMPLES = Path(__file__).parents[2] / "examples"
PATHS = [*sorted(GOLDEN.glob("*/in.yaml")), *sorted(EXAMPLES.glob("*/*.yaml"))]

scraps = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["50%", "-5", "101", "y", "1e3", "*", "a" * 300, "\x00", "é", "{namespace}", "\n"]),
    st.just([]),
    st.just({}),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
    st.lists(st.integers(), max_size=2),
)


@cache
def text_of(path: Path) -> str:
    return path.read_bytes().decode()


@cache
def bodies_of(path: Path) -> list[dict[str, Any]]:
    return [dict(document.body) for document in combine([read_text(text_of(path), "in.yaml")]).documents]


def places_in(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path below `value`, in order."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [place for key, child in children for place in [(*path, key), *places_in(child, (*path, key))]]


def damage(draw: st.DrawFn, bodies: list[Any]) -> None:
    """Replace or delete one value; identity stays, as a reader guarantees it."""
    identity = {("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace")}
    places = [place for place in places_in(bodies) if len(place) > 1 and place[1:] not in identity]
    if not places:
        return
    *way, last = draw(st.sampled_from(places))
    parent: Any = bodies
    for key in way:
        parent = parent[key]
    if draw(st.booleans()):
        parent[last] = draw(scraps)
    else:
        del parent[last]


def identity_of(body: dict[str, Any]) -> tuple[str, str, str]:
    return body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]


@st.composite
def damaged_worlds(draw: st.DrawFn) -> list[dict[str, Any]]:
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True))
    bodies = {identity_of(body): body for path in paths for body in bodies_of(path)}
    damaged = copy.deepcopy(list(bodies.values()))
    for _ in range(draw(st.integers(0, 4))):
        damage(draw, damaged)
    return damaged


def names_routed_to(translation: Translation) -> set[tuple[str, str]]:
    """(namespace, member) of every member that the weights of a readable group name."""
    return {
        (outcome.group.key.namespace, member)
        for outcome in translation.outcomes
        if outcome.split is not None and not outcome.group.unreadable
        for member, weight in outcome.split.weights
        if weight
    }


@settings(max_examples=300)
@given(damaged_worlds(), st.randoms(use_true_random=False))
def test_a_damaged_world_gives_findings_and_legal_objects_in_any_order(
    bodies: list[dict[str, Any]], random: Any
) -> None:
    translation = translate(bodies, Settings())
    for body in translation.objects:
        assert check_object(body) == ()
    locate_findings(translation.findings, make_places([], translation.objects, translation.outcomes))
    shuffled = list(bodies)
    random.shuffle(shuffled)
    again = translate(shuffled, Settings())
    assert write_documents(again.objects) == write_documents(translation.objects)
    assert again.findings == translation.findings


@settings(max_examples=200)
@given(damaged_worlds(), damaged_worlds())
def test_after_any_change_no_readable_group_leads_to_a_member_that_left(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    splits = translate(before, Settings()).splits
    translation = translate(after, Settings(), splits)
    alive = {
        (body["metadata"]["namespace"], body["metadata"]["name"])
        for body in after
        if body["kind"] == "InferenceService"
    }
    assert names_routed_to(translation) <= alive
    for outcome in translation.outcomes:
        if outcome.group.unreadable:  # nothing of it is known for sure, so it stays exactly as it was
            assert outcome.split == splits.get(outcome.group.key)


@settings(max_examples=300)
@given(st.data())
def test_damaged_text_gives_findings_with_a_place(data: st.DataObject) -> None:
    text = text_of(data.draw(st.sampled_from(PATHS)))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        text = text[:start] + data.draw(st.text(max_size=6)) + text[end:]
    read = combine([read_text(text, "in.yaml")])
    translation = translate([document.body for document in read.documents], Settings())
    places = make_places(read.documents, translation.objects, translation.outcomes)
    for located in locate_findings([*read.findings, *translation.findings], places):
        assert located.position is not None
        assert 1 <= located.position.line <= text.count("\n") + text.count("\r") + 2
