"""One key at a time: gather → understand → decide → express → apply → report. A function of what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshsplit.controller import mirror
from meshsplit.controller.claims import make_claim
from meshsplit.controller.selection import select
from meshsplit.controller.whole import Whole
from meshsplit.controller.written import Written, sooner
from meshsplit.diagnostics import ObjectRef
from meshsplit.istio.names import splitting_name
from meshsplit.kserve.drafts import age_of
from meshsplit.kube.port import ApiError, ObjectKey
from meshsplit.translate import express, identity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from meshsplit.controller.cache import Cache, View
    from meshsplit.controller.live import LiveSplit
    from meshsplit.controller.reporter import Reporter
    from meshsplit.controller.rollouts import Rollouts
    from meshsplit.controller.routes import Routes
    from meshsplit.controller.selection import Selection
    from meshsplit.controller.splits import Splits
    from meshsplit.controller.understood import Understood
    from meshsplit.kserve.source import Understanding
    from meshsplit.model import GroupKey, ObjectIdentity, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Brings one key after the other to what it should be; for several threads, each on another key.

    `on_related` gets the keys that must be looked at again because this one's claims changed.
    """

    settings: Settings
    understood: Understood
    cache: Cache
    routes: Routes
    splits: Splits
    reporter: Reporter
    rollouts: Rollouts
    on_related: Callable[[frozenset[GroupKey]], object]

    def reconcile(self, key: GroupKey, failures: int = 0) -> float:
        """Do what is to be done for `key`; the seconds until it wants to be looked at again, 0 for never.

        `failures` counts earlier attempts in a row. Raises ApiError when something could not be written.
        """
        view = self._mirror(self.cache.view(key))
        understanding = self.understood.find(view.observed)
        self._announce(key, view, understanding)
        selection = self.choose([view], Whole(understanding.world), acting=True)[0]
        view = self.reporter.keep(view, selection)
        self.rollouts.tell(key, selection.step)
        written = self._write(selection)
        pause = self.reporter.report(view, selection, written, failures)
        self._follow(view, selection, written)
        for split in _find_needless(view):
            self.splits.delete(split)
        if written.error is not None:
            raise written.error
        wake = selection.step.advance.wake if selection.step is not None else 0.0
        return sooner(sooner(pause, written.pause), wake)

    def is_new(self, view: View, whole: Whole) -> bool:
        """Whether something of it was never written, which is known without a translation."""
        route = ("VirtualService", view.key.namespace, view.key.name)
        untold = any(not split.reported for split in view.splits)
        unmirrored = not view.splits and self._wants_mirror(view)
        return untold or unmirrored or (route in whole.models and view.route(view.key.name) is None)

    def is_steady(self, view: View, selection: Selection) -> bool:
        """Whether a pass over the key would do nothing, now or later."""
        taken_over = any(split.mirror and split.taken_over for split in view.splits)
        unmirrored = not view.splits and self._wants_mirror(view)
        if taken_over or unmirrored or _find_needless(view) or selection.surplus or selection.stale:
            return False
        return self.reporter.is_reported(view, selection)

    def choose(self, views: Sequence[View], whole: Whole, *, acting: bool) -> list[Selection]:
        """What the objects of each view should be.

        `acting` says that it will be done now, and is not only looked at.
        """
        by_key = {view.key: view for view in views}
        narrowed = whole.narrow(by_key)
        decided = [self.rollouts.decide(by_key[group.key], group, acting) for group in narrowed.groups]
        steps = {each.outcome.group.key: each.step for each in decided if each.step is not None}
        current: set[ObjectIdentity] = set()

        def is_current(body: Mapping[str, Any]) -> bool:
            if not self.routes.is_current(body):
                return False
            current.add(identity_of(body))
            return True

        translation = express(
            narrowed,
            [each.outcome for each in decided],
            self.cache.obstacles(narrowed, by_key),
            self.settings,
            is_current,
        )
        return select(translation, steps, current, whole, views)

    def _follow(self, view: View, selection: Selection, written: Written) -> None:
        if selection.outcome is None:
            self.rollouts.leave(view.key)
        else:
            held = written.pause > 0.0 or splitting_name(view.key.name) in written.missing
            self.rollouts.follow(view, selection.outcome, selection.step, written=not held)

    def _announce(self, key: GroupKey, view: View, understanding: Understanding) -> None:
        """Let those look again who may gain or lose something by what `key` claims now."""
        mine = [c for c in understanding.claimants if c.key[1:] == (key.namespace, key.name)]
        namesake = view.observed.services.get(ObjectRef("InferenceService", key.namespace, key.name))
        age = age_of(namesake.identity) if namesake is not None else None
        rivals = self.cache.claims.put(key, make_claim(mine, age))
        if rivals is not None:
            self.on_related(rivals | self.cache.related(key))

    def _mirror(self, view: View) -> View:
        """See to it that a tagged group has a ModelSplit, and that a user's own counts."""
        own = [split for split in view.splits if split.is_own_mirror]
        for split in view.splits:
            if split.mirror and split.taken_over:
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

    def _write(self, selection: Selection) -> Written:
        """Write what is to be there, then delete what is not."""
        written = Written()
        for body in selection.stale:
            try:
                written.pause = sooner(written.pause, self.routes.apply(body))
            except ApiError as error:
                written.note(body["metadata"]["name"], error)
        for route in selection.surplus:
            try:
                self.routes.delete(route)
            except ApiError as error:
                written.note(route.name, error)
        return written


def _find_needless(view: View) -> list[LiveSplit]:
    """Mirrors beside a user's ModelSplit, or of a group that is gone."""
    mirrors = [split for split in view.splits if split.is_own_mirror]
    return mirrors if len(view.splits) > 1 or not view.tagged else []
