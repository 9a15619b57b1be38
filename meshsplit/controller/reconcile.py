"""One key at a time: gather → understand → decide → express → apply → report. A function of what is there."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from meshsplit.controller import mirror
from meshsplit.controller.claims import make_claim
from meshsplit.controller.conditions import ROUTE_REJECTED, WEIGHT_REASONS, Facts, explain
from meshsplit.controller.report import make_bystander_status, make_status
from meshsplit.controller.selection import (
    Findings,
    find_claimed_names,
    find_current,
    find_followed,
    narrow,
    select,
)
from meshsplit.controller.transitions import Happening, find_happenings, make_name
from meshsplit.diagnostics import ObjectRef, Severity, severity_of
from meshsplit.istio.names import splitting_name
from meshsplit.kserve.drafts import age_of
from meshsplit.kserve.source import understand
from meshsplit.kube.port import ApiError, Conflict, Forbidden, ObjectKey
from meshsplit.translate import express, identity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from meshsplit.api.status import ModelSplitStatus
    from meshsplit.controller.cache import Cache, View
    from meshsplit.controller.live import LiveSplit
    from meshsplit.controller.recorder import Recorder
    from meshsplit.controller.routes import Routes
    from meshsplit.controller.selection import Claimed, Selection
    from meshsplit.controller.splits import Splits
    from meshsplit.kserve.source import Understanding
    from meshsplit.model import GroupKey, ObjectIdentity, Settings, World

log = logging.getLogger(__name__)

PATIENCE = 3
"""Attempts in a row that may fail before the status says so: a restart of the API server is no news."""

_REFUSALS = (400, 422)
"""HTTP statuses by which the API server, or a webhook through it, says that an object itself is wrong."""


def _ignore(_namespace: str, _name: str, _status: ModelSplitStatus | None) -> None:
    """Measure nothing."""


@dataclass(slots=True)
class Written:
    """What came of the writes of one pass: `pause` is when to look again, `error` what to try again."""

    rejected: dict[str, str] = field(default_factory=dict)
    error: ApiError | None = None
    pause: float = 0.0

    def note(self, name: str, error: ApiError) -> None:
        """An object was not written."""
        if is_refusal(error):
            self.rejected[name] = f"the API server refused VirtualService {name}: {error.message}"
        self.error = self.error or error


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Brings one key after the other to what it should be; for several threads, each on another key.

    `on_related` gets the keys that must be looked at again because this one's claims changed, `on_status`
    what is reported (None: there is nothing to report on any more).
    """

    settings: Settings
    cache: Cache
    routes: Routes
    splits: Splits
    recorder: Recorder
    now: Callable[[], datetime]
    on_related: Callable[[frozenset[GroupKey]], object]
    on_status: Callable[[str, str, ModelSplitStatus | None], object] = _ignore

    def reconcile(self, key: GroupKey, failures: int = 0) -> float:
        """Do what is to be done for `key`; the seconds until it wants to be looked at again, 0 for never.

        `failures` counts earlier attempts in a row. Raises ApiError when something could not be written.
        """
        view = self._mirror(self.cache.view(key))
        understanding = understand(view.observed, self.settings)
        self.announce(key, view, understanding)
        selection = self.choose(view, understanding)
        written = self._write(selection)
        pause = self._report(view, selection, written, failures)
        self._unmirror(view)
        if written.error is not None:
            raise written.error
        return max(pause, written.pause)

    def is_steady(self, view: View, selection: Selection) -> bool:
        """Whether a pass over the key would do nothing, now or later."""
        own = [split for split in view.splits if split.mirror and not split.taken_over]
        if own != [split for split in view.splits if split.mirror] or _find_needless(view):
            return False
        if selection.surplus or selection.stale:
            return False
        if not view.splits and self._wants_mirror(view):
            return False
        followed = find_followed(view.splits, selection.outcome)
        return all(
            split.status == self._make_status(split, split is followed, selection, Written(), 0)
            and split.status.is_ready
            for split in view.splits
        )

    def choose(self, view: View, understanding: Understanding) -> Selection:
        """What the key's objects should be."""
        world = understanding.world
        return self.choose_all([view], world, find_claimed_names(world), Findings(world.findings))[0]

    def choose_all(
        self, views: Sequence[View], world: World, claimed: Claimed, findings: Findings
    ) -> list[Selection]:
        """The same for several keys of one world, whose claimed names and findings are given."""
        keys = {view.key for view in views}
        narrowed = narrow(world, keys)
        serving = {view.key: find_current(view) for view in views}
        current: set[ObjectIdentity] = set()

        def is_current(body: Mapping[str, Any]) -> bool:
            if not self.routes.is_current(body):
                return False
            current.add(identity_of(body))
            return True

        translation = express(
            narrowed,
            self.cache.obstacles(narrowed, keys),
            self.settings,
            {key: split for key, split in serving.items() if split is not None},
            accepted=is_current,
        )
        return select(translation, current, claimed, findings, views)

    def announce(self, key: GroupKey, view: View, understanding: Understanding) -> None:
        """Let those look again who may gain or lose something by what `key` claims now."""
        mine = [c for c in understanding.claimants if c.key[1:] == (key.namespace, key.name)]
        namesake = view.observed.services.get(ObjectRef("InferenceService", key.namespace, key.name))
        age = age_of(namesake.identity) if namesake is not None else None
        rivals = self.cache.claims.put(key, make_claim(mine, age))
        if rivals is not None:
            self.on_related(rivals | self.cache.related(key))

    def _mirror(self, view: View) -> View:
        """See to it that a tagged group has a ModelSplit, and that a user's own counts."""
        own = [split for split in view.splits if split.mirror and not split.taken_over]
        taken = [split for split in view.splits if split.mirror and split.taken_over]
        for split in taken:
            view = view.with_split(self.splits.release(split))
        if len(own) < len(view.splits):
            for split in own:
                view.observed.splits.pop(split.reading.split.ref, None)
        elif not own and self._wants_mirror(view):
            view = view.with_split(self.splits.create_mirror(view.key))
        return view

    def _wants_mirror(self, view: View) -> bool:
        key = view.key
        if not view.tagged or not mirror.can_be_mirrored(key):
            return False
        return self.cache.splits.get(ObjectKey(key.namespace, key.name)) is None

    def _unmirror(self, view: View) -> None:
        """Take mirrors away that nobody needs: a user's ModelSplit is there, or the group is gone."""
        for split in _find_needless(view):
            self.splits.delete(split)

    def _write(self, selection: Selection) -> Written:
        """Write what is to be there, then delete what is not."""
        written = Written()
        for body in selection.stale:
            try:
                written.pause = max(written.pause, self.routes.apply(body))
            except ApiError as error:
                written.note(body["metadata"]["name"], error)
        for route in selection.surplus:
            try:
                self.routes.delete(route)
            except ApiError as error:
                written.note(route.name, error)
        return written

    def _report(self, view: View, selection: Selection, written: Written, failures: int) -> float:
        followed = find_followed(view.splits, selection.outcome)
        pause = self._tell_models(view, selection, written)
        for split in view.splits:
            if split.mirror and not split.taken_over and split is not followed:
                continue
            status = self._make_status(split, split is followed, selection, written, failures)
            pause = max(pause, self._tell(view, split, status))
            self.splits.report(split, status)
            self.on_status(view.key.namespace, split.reading.split.ref.name, status)
        if not view.splits:
            self.on_status(view.key.namespace, view.key.name, None)
        return pause

    def _make_status(
        self, split: LiveSplit, followed: bool, selection: Selection, written: Written, failures: int
    ) -> ModelSplitStatus:
        now = self.now()
        if not followed or selection.outcome is None:
            ref = split.reading.split.ref
            about = [finding for finding in selection.findings if finding.object == ref]
            return make_bystander_status(about[0] if about else None, split.generation, split.status, now)
        name = splitting_name(split.key.name)
        facts = Facts(
            selection.outcome,
            selection.findings,
            rejected=written.rejected.get(name, ""),
            failed=_to_failure(written, failures),
        )
        return make_status(facts, split.generation, split.status, now)

    def _tell(self, view: View, split: LiveSplit, status: ModelSplitStatus) -> float:
        """Tell the Events of a ModelSplit; the seconds until one that is not due yet."""
        identity = split.reading.split.identity
        now = self.now()
        happenings, later = find_happenings(identity.ref, split.version, split.status, status, now)
        for happening in happenings:
            about = view.observed.services.get(happening.regarding)
            target = about.identity if about is not None else identity
            self.recorder.record(happening, target.api_version, target.uid, now)
        return later

    def _tell_models(self, view: View, selection: Selection, written: Written) -> float:
        """Tell an InferenceService why its own routes are not written."""
        ref = ObjectRef("InferenceService", view.key.namespace, view.key.name)
        service = view.observed.services.get(ref)
        if service is None:
            return 0.0
        texts = [
            explain(finding)
            for finding in selection.findings
            if finding.object == ref
            and finding.code not in WEIGHT_REASONS
            and severity_of(finding) is Severity.ERROR
        ]
        texts += [text for name, text in written.rejected.items() if name == ref.name]
        for text in texts:
            name = make_name(ref.name, service.identity.uid, text)
            happening = Happening(name, ref, "Warning", ROUTE_REJECTED, text)
            self.recorder.record(happening, service.identity.api_version, service.identity.uid, self.now())
        return 0.0


def _find_needless(view: View) -> list[LiveSplit]:
    """Mirrors beside a user's ModelSplit, or of a group that is gone."""
    mirrors = [split for split in view.splits if split.mirror and not split.taken_over]
    return mirrors if len(view.splits) > 1 or not view.tagged else []


def is_refusal(error: ApiError) -> bool:
    """Whether the object is wrong, as opposed to the moment or the permissions."""
    if isinstance(error, Forbidden):
        return "admission" in error.message.lower()
    return error.status in _REFUSALS


def _to_failure(written: Written, failures: int) -> str:
    """What the status says of an error that is tried again; "" while it is no news."""
    error = written.error
    if error is None or is_refusal(error):
        return ""
    lasting = isinstance(error, Forbidden) or failures >= PATIENCE
    if isinstance(error, Conflict) and not lasting:
        return ""
    return f"cannot write: {error}" if lasting else ""
