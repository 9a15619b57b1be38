"""The store against a dictionary that is searched from end to end."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from meshsplit.kube.port import ObjectKey
from meshsplit.kube.store import Store

KEYS = st.builds(ObjectKey, st.sampled_from(("n", "m")), st.sampled_from(("a", "b", "c")))
VALUES = st.frozensets(st.sampled_from("xyz"), max_size=2)
"""A value is the tags it has: its group keys are those of its namespace."""

Group = tuple[str, str]


def index(key: ObjectKey, value: frozenset[str]) -> list[Group]:
    return [(key.namespace, tag) for tag in value]


def test_a_late_report_does_not_undo_what_was_written_since() -> None:
    store: Store[tuple[int, str], str] = Store(lambda _, value: [value[1]], version=lambda value: value[0])
    key = ObjectKey("n", "a")
    assert store.upsert(key, (7, "written")) == {"written"}
    assert store.upsert(key, (6, "late")) == set()
    assert store.replace({key: (5, "listed")}) == set()
    assert store.get(key) == (7, "written")
    assert store.upsert(key, (8, "newer")) == {"written", "newer"}


def test_a_late_answer_does_not_bring_back_what_was_deleted_since() -> None:
    store: Store[tuple[int, str], str] = Store(lambda _, value: [value[1]], version=lambda value: value[0])
    key = ObjectKey("n", "a")
    store.upsert(key, (6, "there"))
    assert store.delete(key, 8) == {"there"}
    assert store.upsert(key, (7, "late")) == set()
    assert store.get(key) is None
    assert store.upsert(key, (9, "anew")) == {"anew"}
    assert store.upsert(key, (10, "newer")) == {"anew", "newer"}


def test_a_late_report_of_a_deletion_does_not_take_out_what_was_made_since() -> None:
    store: Store[tuple[int, str], str] = Store(lambda _, value: [value[1]], version=lambda value: value[0])
    key = ObjectKey("n", "a")
    store.upsert(key, (9, "anew"))
    assert store.delete(key, 8) == set()
    assert store.get(key) == (9, "anew")
    assert store.delete(key, 9) == {"anew"}
    assert store.get(key) is None


def test_what_a_list_does_not_have_is_gone_but_for_what_was_made_since() -> None:
    store: Store[tuple[int, str], str] = Store(lambda _, value: [value[1]], version=lambda value: value[0])
    gone, kept, made = (ObjectKey("n", name) for name in ("gone", "kept", "made"))
    store.replace({gone: (5, "gone"), kept: (9, "kept")}, 9)
    store.upsert(made, (11, "made"))
    assert store.retain({kept}, 10) == {"gone"}
    assert store.values() == ((9, "kept"), (11, "made"))
    assert store.upsert(gone, (9, "late")) == set()
    assert store.is_known(gone, 10)
    assert not store.is_known(gone, 11)
    assert store.upsert(gone, (11, "anew")) == {"anew"}


def test_values_that_have_no_version_are_as_old_as_what_told_of_them() -> None:
    store: Store[str, str] = Store(lambda _, value: [value])
    key = ObjectKey("n", "a")
    store.replace({key: "listed"}, 9)
    assert store.is_known(key, 9)
    assert store.upsert(key, "late", 8) == set()
    assert store.upsert(key, "edited", 12) == {"listed", "edited"}
    assert store.upsert(key, "late", 11) == set()
    assert store.replace({key: "late"}, 10) == set()
    assert store.retain((), 11) == set()
    assert store.delete(key, 11) == set()
    assert store.delete(key, 13) == {"edited"}
    assert store.upsert(key, "late", 12) == set()
    assert store.upsert(key, "anew", 14) == {"anew"}
    assert store.replace({}, 15) == {"anew"}


def test_a_list_does_not_bring_back_what_was_deleted_after_it() -> None:
    store: Store[tuple[int, str], str] = Store(lambda _, value: [value[1]], version=lambda value: value[0])
    key = ObjectKey("n", "a")
    store.upsert(key, (6, "there"))
    store.delete(key, 12)
    assert store.replace({key: (6, "there")}, 10) == set()
    assert store.upsert(key, (11, "late")) == set()
    assert store.upsert(key, (13, "anew")) == {"anew"}


def test_what_a_watch_tells_of_a_write_before_its_answer_is_no_news() -> None:
    store: Store[tuple[int, str], str] = Store(lambda _, value: [value[1]], version=lambda value: value[0])
    key = ObjectKey("n", "a")
    store.upsert(key, (6, "before"))
    store.hold(key)
    assert store.upsert(key, (7, "edited")) == set()
    assert store.upsert(key, (8, "written")) == set()
    assert store.is_known(key, 8)
    assert not store.is_known(key, 9)
    assert store.settle(key, (8, "written")) == (frozenset({"before", "edited", "written"}), False)
    assert store.upsert(key, (9, "later")) == {"written", "later"}


def test_what_somebody_does_after_a_write_and_before_its_answer_is_news() -> None:
    store: Store[tuple[int, str], str] = Store(lambda _, value: [value[1]], version=lambda value: value[0])
    key = ObjectKey("n", "a")
    store.hold(key)
    store.upsert(key, (8, "written"))
    assert store.upsert(key, (9, "edited")) == set()
    assert store.settle(key, (8, "written")) == (frozenset({"written", "edited"}), True)
    assert store.get(key) == (9, "edited")
    store.hold(key)
    assert store.delete(key, 11) == set()
    assert store.settle(key, (10, "written")) == (frozenset({"edited"}), True)
    assert store.get(key) is None


def test_without_an_answer_whatever_happened_is_news() -> None:
    store: Store[tuple[int, str], str] = Store(lambda _, value: [value[1]], version=lambda value: value[0])
    key = ObjectKey("n", "a")
    store.hold(key)
    assert store.settle(key, None) == (frozenset(), False)
    store.hold(key)
    store.upsert(key, (8, "edited"))
    assert store.settle(key, None) == (frozenset({"edited"}), True)


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store: Store[frozenset[str], Group] = Store(index)
        self.model: dict[ObjectKey, frozenset[str]] = {}

    def changed(self, after: dict[ObjectKey, frozenset[str]]) -> set[Group]:
        """The groups, old and new, of every object that is not what it was."""
        before, self.model = self.model, after
        keys = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        pairs = [(key, state.get(key, NONE)) for key in keys for state in (before, after)]
        return {group for key, value in pairs for group in index(key, value)}

    @rule(key=KEYS, value=VALUES)
    def upsert(self, key: ObjectKey, value: frozenset[str]) -> None:
        touched = self.store.upsert(key, value)
        assert touched == self.changed({**self.model, key: value})

    @rule(key=KEYS)
    def delete(self, key: ObjectKey) -> None:
        touched = self.store.delete(key)
        assert touched == self.changed({other: value for other, value in self.model.items() if other != key})

    @rule(values=st.dictionaries(KEYS, VALUES))
    def replace(self, values: dict[ObjectKey, frozenset[str]]) -> None:
        touched = self.store.replace(values)
        assert touched == self.changed(values)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert self.store.values() == tuple(value for _, value in sorted(self.model.items(), key=by_key))
        assert len(self.store) == len(self.model)
        groups = {group for key, value in self.model.items() for group in index(key, value)}
        assert self.store.groups() == groups
        for group in groups:
            members = [key for key, value in self.model.items() if group in index(key, value)]
            assert self.store.of_group(group) == tuple(self.model[key] for key in sorted(members))

    @rule(key=KEYS)
    def get(self, key: ObjectKey) -> None:
        assert self.store.get(key) == self.model.get(key)


NONE: frozenset[str] = frozenset()


def by_key(entry: tuple[ObjectKey, frozenset[str]]) -> ObjectKey:
    return entry[0]


StoreMachine.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
TestStore = StoreMachine.TestCase


def test_a_moved_object_touches_the_group_it_left_and_the_one_it_joined() -> None:
    store: Store[frozenset[str], Group] = Store(index)
    key = ObjectKey("n", "a")
    assert store.upsert(key, frozenset("x")) == {("n", "x")}
    assert store.upsert(key, frozenset("y")) == {("n", "x"), ("n", "y")}
    assert store.of_group(("n", "x")) == ()


def test_an_equal_value_touches_nothing() -> None:
    store: Store[frozenset[str], Group] = Store(index)
    key = ObjectKey("n", "a")
    store.upsert(key, frozenset("x"))
    assert store.upsert(key, frozenset("x")) == frozenset()
    assert store.replace({key: frozenset("x")}) == frozenset()
