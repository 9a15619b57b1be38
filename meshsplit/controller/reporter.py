"""Tells what came of a pass: the status of ModelSplits, Events, metrics."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from meshsplit.api.status import WEIGHTS_VALID
from meshsplit.controller.conditions import ROUTE_REJECTED, WEIGHT_REASONS, Facts, explain
from meshsplit.controller.report import make_bystander_status, make_status, with_rollout
from meshsplit.controller.selection import find_current, find_followed
from meshsplit.controller.transitions import Happening, find_happenings, make_name
from meshsplit.controller.written import Written, sooner
from meshsplit.diagnostics import ObjectRef, Severity, severity_of
from meshsplit.istio.names import splitting_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from meshsplit.api.status import ModelSplitStatus
    from meshsplit.controller.cache import View
    from meshsplit.controller.live import LiveSplit
    from meshsplit.controller.recorder import Recorder
    from meshsplit.controller.selection import Selection
    from meshsplit.controller.splits import Splits
    from meshsplit.kserve.objects import InferenceService
    from meshsplit.model import GroupKey


MEND_SECONDS = 0.1
"""How long percentages may be wrong before the status says so: whoever edits one member edits the next at
once, and the routes of the second edit would wait for the status of the first."""


def _ignore(_namespace: str, _name: str, _status: ModelSplitStatus | None) -> None:
    """Measure nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Reports on one key after the other, by several threads.

    `on_status` gets what is said of a group (None: it has no ModelSplit any more).
    """

    splits: Splits
    recorder: Recorder
    now: Callable[[], datetime]
    on_status: Callable[[str, str, ModelSplitStatus | None], object] = _ignore
    wrong_since: dict[GroupKey, datetime] = field(default_factory=dict)

    def report(self, view: View, selection: Selection, written: Written, failures: int) -> float:
        """Write every status and Event that is due; the seconds until one that is not due yet.

        Events go before the status they follow from: whoever dies in between tells them again, under the same
        names. What could not be written is not said to serve; as long as that may pass at the next attempt,
        nothing is said of the group. Raises ApiError.
        """
        self._tell_model(view, selection, written)
        selection = _as_it_is(view, selection, written)
        followed = find_followed(view.splits, selection.outcome)
        pause, reported = 0.0, None
        for split in view.splits:
            if split.is_own_mirror and split is not followed:
                continue
            if split is followed and written.may_pass(failures):
                reported = split.status
                continue
            status = self._make_status(split, split is followed, selection, written, failures)
            if selection.step is None and self._may_be_mended(view.key, split.status, status):
                pause, reported = sooner(pause, MEND_SECONDS), split.status
                continue
            pause = sooner(pause, self._tell(view, split, status, walked=selection.step is not None))
            self.splits.report(split, status)
            reported = status if split is followed else reported
        self.on_status(view.key.namespace, view.key.name, reported)
        return pause

    def keep(self, view: View, selection: Selection) -> View:
        """Tell a rollout's Events and keep its state before anything is done; the view with what was written.

        Whoever dies after that goes on from there: nothing is decided twice, and nothing without a record.
        """
        step, split = selection.step, find_followed(view.splits, selection.outcome)
        if step is None or split is None:
            return view
        for event in step.advance.events:
            happening = Happening(
                event.name, split.reading.split.ref, event.type, event.reason, event.message
            )
            identity = split.reading.split.identity
            self.recorder.record(happening, identity.api_version, identity.uid, self.now())
        if not step.is_urgent:
            return view
        kept = self.splits.report(split, with_rollout(split.status, step.after, step.spec))
        return view.with_split(kept) if kept is not None else view

    def is_reported(self, view: View, selection: Selection) -> bool:
        """Whether every status says what it should, and nothing is waited for."""
        followed = find_followed(view.splits, selection.outcome)
        if selection.step is not None and (selection.step.is_worth_keeping or selection.step.after.active):
            return False
        for split in view.splits:
            status = self._make_status(split, split is followed, selection, Written(), 0)
            if split.status != status or not status.is_ready:
                return False
        self.on_status(view.key.namespace, view.key.name, followed.status if followed else None)
        return True

    def _may_be_mended(self, key: GroupKey, old: ModelSplitStatus, new: ModelSplitStatus) -> bool:
        """Whether weights that were right have only just become wrong."""
        before, after = old.condition(WEIGHTS_VALID), new.condition(WEIGHTS_VALID)
        was_right = before is not None and before.status == "True"
        if not was_right or after is None or after.status != "False":
            self.wrong_since.pop(key, None)
            return False
        now = self.now()
        return 0.0 <= (now - self.wrong_since.setdefault(key, now)).total_seconds() < MEND_SECONDS

    def _make_status(
        self, split: LiveSplit, followed: bool, selection: Selection, written: Written, failures: int
    ) -> ModelSplitStatus:
        now = self.now()
        if not followed or selection.outcome is None:
            ref = split.reading.split.ref
            about = [finding for finding in selection.findings if finding.object == ref]
            return make_bystander_status(about[0] if about else None, split.generation, split.status, now)
        facts = Facts(
            selection.outcome,
            selection.findings,
            rejected=written.rejected.get(splitting_name(split.key.name), ""),
            failed=written.say_failure(failures),
            step=selection.step,
        )
        return make_status(facts, split.generation, split.status, now)

    def _tell(self, view: View, split: LiveSplit, status: ModelSplitStatus, walked: bool) -> float:
        """Tell the Events of a ModelSplit; the seconds until one that is not due yet."""
        identity = split.reading.split.identity
        now = self.now()
        old = status if walked else split.status  # a rollout tells of its weights itself
        happenings, later = find_happenings(identity.ref, split.version, old, status, now)
        for happening in happenings:
            about = view.observed.services.get(happening.regarding)
            target = about.identity if about is not None else identity
            self.recorder.record(happening, target.api_version, target.uid, now)
        return later

    def _tell_model(self, view: View, selection: Selection, written: Written) -> None:
        """Tell an InferenceService why its own routes are not written."""
        ref = ObjectRef("InferenceService", view.key.namespace, view.key.name)
        service = view.observed.services.get(ref)
        if service is None:
            return
        for text in _find_complaints(service, selection, written):
            name = make_name(ref.name, service.identity.uid, text)
            happening = Happening(name, ref, "Warning", ROUTE_REJECTED, text)
            self.recorder.record(happening, service.identity.api_version, service.identity.uid, self.now())


def _as_it_is(view: View, selection: Selection, written: Written) -> Selection:
    """The selection with the split that serves, where the group's routes could not be written."""
    outcome = selection.outcome
    if outcome is None or splitting_name(view.key.name) not in written.missing:
        return selection
    return replace(selection, outcome=replace(outcome, split=find_current(view)))


def _find_complaints(service: InferenceService, selection: Selection, written: Written) -> list[str]:
    found = [
        explain(finding)
        for finding in selection.findings
        if finding.object == service.ref
        and finding.code not in WEIGHT_REASONS
        and severity_of(finding) is Severity.ERROR
    ]
    return found + [text for name, text in sorted(written.rejected.items()) if name == service.name]
