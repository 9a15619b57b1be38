"""What a rollout's statuses tell: one line a decision, and the counts of each read."""

from dataclasses import dataclass, field

from meshsplit.analysis.counts import Counts
from meshsplit.api.status import ModelSplitStatus
from meshsplit.cli.decisionlog import HEADER, DecisionLog, Seen
from meshsplit.cli.terminal import Style
from meshsplit.rollout.report import to_parts
from meshsplit.simulation.peers import Counted
from support.rollouts import READ_SECONDS, Play, bad_counts, canary, good_counts, split


@dataclass
class Told:
    """A played rollout, and what the log makes of its status after every pass."""

    play: Play = field(default_factory=lambda: Play(canary(), split(a=0, b=100)))
    log: DecisionLog = field(default_factory=lambda: DecisionLog("b", READ_SECONDS))
    seen: list[Seen] = field(default_factory=list)

    def look(self) -> Seen | None:
        status = ModelSplitStatus.model_validate(
            to_parts(self.play.state, self.play.spec).model_dump(by_alias=True)
        )
        found = self.log.take(status)
        if found is not None:
            self.seen.append(found)
        return found

    def start(self) -> None:
        while self.play.weight == 0:
            self.play.step(1.0)
            self.look()

    def read(self, counts: Counts | None = None) -> str:
        self.play.read(counts)
        found = self.look()
        assert found is not None
        return str(found)


def started() -> Told:
    told = Told()
    told.start()
    return told


class TestLines:
    def test_a_start_is_told_with_its_step_and_weights(self) -> None:
        (seen,) = started().seen
        assert str(seen).split() == ["12:00:01", "step=1/4", "weight=0→5", "START"]

    def test_a_hold_tells_counts_rate_interval_and_evidence(self) -> None:
        line = started().read(Counts(90, 1, 1710, 3)).split()
        assert line[1:6] == ["step=1/4", "weight=5", "HOLD", "1/90", "1.11%"]
        assert line[6].startswith("[0.0")
        assert [word.partition("=")[0] for word in line[7:]] == ["harm", "safety"]

    def test_an_advance_tells_both_weights(self) -> None:
        told = started()
        lines = [told.read(good_counts(told.play.weight)) for _ in range(2)]
        while "HOLD" in lines[-1]:
            lines.append(told.read())
        assert lines[-1].split()[1:4] == ["step=2/4", "weight=5→10", "ADVANCE"]

    def test_a_rollback_tells_a_harm_too_large_for_words(self) -> None:
        line = started().read(Counts(900, 810, 900, 0)).split()
        assert line[2:6] == ["weight=5→0", "ROLLBACK", "810/900", "90.00%"]
        assert "harm=>1e6" in line

    def test_a_promotion_is_the_last_line(self) -> None:
        told = started()
        while told.play.state.active:
            told.read()
        assert "PROMOTE" in str(told.seen[-1])
        assert told.log.weight == 1000
        assert told.look() is None

    def test_without_requests_there_is_no_rate(self) -> None:
        line = started().read(Counts(0, 0, 1710, 3)).split()
        assert line[4:6] == ["0/0", "-"]

    def test_a_reason_that_is_no_lack_of_evidence_is_told(self) -> None:
        told = started()
        told.play.read_nothing()
        seen = told.look()
        assert seen is not None
        assert str(seen).endswith(" MetricsUnavailable")

    def test_columns_stand_under_the_header(self) -> None:
        told = started()
        for line in (told.read(), told.read(bad_counts(50, 0.9))):
            for word, found in (("STEP", "step="), ("WEIGHT", "weight="), ("EVIDENCE", "harm=")):
                assert line.index(found) == HEADER.index(word)

    def test_only_a_rollback_is_red(self) -> None:
        told = started()
        told.read()
        told.read(bad_counts(50, 0.9))
        painted = [seen.paint(Style(colour=True)) for seen in told.seen]
        assert ["\x1b[31m" in line for line in painted] == [False, False, True]
        assert "\x1b" not in painted[1]


class TestRepetition:
    def test_the_same_status_is_told_once(self) -> None:
        told = started()
        told.read()
        assert told.look() is None

    def test_a_pass_without_a_read_is_not_told(self) -> None:
        told = started()
        told.read()
        told.play.step(1.0)
        assert told.look() is None

    def test_nothing_is_told_before_the_rollout_begins(self) -> None:
        told = Told()
        told.play.step(traffic=None)
        assert told.look() is None


class TestReads:
    def test_what_was_counted_between_decisions_is_one_read_each(self) -> None:
        told = started()
        told.read(Counts(90, 1, 1710, 3))
        told.read(Counts(80, 0, 1700, 4))
        assert told.log.reads == [
            Counted(Counts(90, 1, 1710, 3), 50, READ_SECONDS),
            Counted(Counts(80, 0, 1700, 4), 50, READ_SECONDS),
        ]

    def test_a_read_that_was_missed_is_in_the_next_and_covers_both_times(self) -> None:
        told = Told(Play(canary(stepInterval="10m"), split(a=0, b=100)))
        told.start()
        told.read()
        told.play.read(Counts(90, 1, 1710, 3))
        told.read(Counts(90, 2, 1710, 1))
        assert told.log.reads[-1] == Counted(Counts(180, 3, 3420, 4), 50, 2 * READ_SECONDS)

    def test_a_read_has_the_weight_it_was_read_at(self) -> None:
        told = started()
        while told.play.state.active:
            told.read()
        assert [read.weight for read in told.log.reads] == sorted(read.weight for read in told.log.reads)
        assert {read.weight for read in told.log.reads} == {50, 100, 250, 500}

    def test_a_decision_without_new_counts_is_no_read(self) -> None:
        told = started()
        told.read()
        told.play.read_nothing()
        told.look()
        assert len(told.log.reads) == 1
