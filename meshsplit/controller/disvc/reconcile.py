"""One DistributedInferenceService at a time: gather → decide → keep → apply → report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshsplit.controller.conditions import explain
from meshsplit.controller.disvc.offspring import NameTaken
from meshsplit.controller.disvc.reports import D, Reports
from meshsplit.controller.disvc.surroundings import find_surroundings
from meshsplit.controller.written import Written as Results
from meshsplit.controller.written import is_refusal, sooner
from meshsplit.disvc.assembly import Scene
from meshsplit.disvc.children import Frame
from meshsplit.disvc.doubts import find_too_long
from meshsplit.disvc.hosts import Claim, find_taken_host, make_claim
from meshsplit.disvc.members import find_members
from meshsplit.disvc.news import find_news
from meshsplit.disvc.objects import VIRTUAL_SERVICE, Disvc
from meshsplit.disvc.plan import Plan, make_plan
from meshsplit.disvc.report import (
    NAME_TAKEN,
    REJECTED,
    WRITE_FAILED,
    Trouble,
    make_refusal,
    make_status,
    read_versions,
    with_versions,
)
from meshsplit.disvc.versions import SOON_SECONDS, recover
from meshsplit.disvc.walk import to_children
from meshsplit.kube.port import ApiError, ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from meshsplit.controller.cache import Cache
    from meshsplit.controller.disvc.cache import DisvcCache
    from meshsplit.controller.disvc.members import Members
    from meshsplit.controller.disvc.offspring import Offspring
    from meshsplit.controller.disvc.surroundings import Surroundings
    from meshsplit.diagnostics import Finding
    from meshsplit.model import Settings

MOST_ROUNDS = 8
"""Looks of one pass: what was written is looked at again, until there is nothing to write."""

TAKEN_SECONDS = 30.0
"""How often it is looked at whether a name or a host is still another's."""


@dataclass(slots=True)
class Written(Results):
    """What came of the writes of one look; `taken` says which names are another's."""

    taken: list[str] = field(default_factory=list)
    wrote: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DisvcReconciler:
    """Brings one DistributedInferenceService after the other to what it should be, on several threads."""

    settings: Settings
    cache: DisvcCache
    around: Cache
    offspring: Offspring
    reports: Reports
    members: Members
    now: Callable[[], datetime]

    def reconcile(self, key: ObjectKey, failures: int = 0) -> float:
        """Do what is to be done; the seconds until it wants to be looked at again, 0 for never.

        `failures` counts earlier attempts in a row. Raises ApiError when something could not be written.
        """
        disvc = self.cache.disvcs.get(key)
        if disvc is None or disvc.deleting:
            self.members.drop(key)
            return 0.0
        if not isinstance(disvc, Disvc):
            return self._refuse(disvc, disvc.problem)
        ref, following = disvc.identity.ref, disvc.status.last_version + 1
        for problem in find_too_long(ref, disvc.spec.replicas, following):
            return self._refuse(disvc, problem)
        taken = find_taken_host(self._claim(disvc), map(self._claim, self.cache.readable()))
        if taken is not None:
            self._refuse(disvc, taken)
            return TAKEN_SECONDS
        pause = 0.0
        for _ in range(MOST_ROUNDS):
            disvc, pause, wrote = self._round(disvc, failures)
            if not wrote:
                return pause
        return SOON_SECONDS

    def _claim(self, disvc: Disvc) -> Claim:
        return make_claim(disvc.identity, self._domain_of(disvc))

    def _domain_of(self, disvc: Disvc) -> str:
        return disvc.spec.domain or self.settings.domain

    def _round(self, disvc: Disvc, failures: int) -> tuple[Disvc, float, bool]:
        """One look: what is known now, and what follows; whether anything was written but the status."""
        surroundings = find_surroundings(self.around, disvc.namespace, self.settings)
        now = self.now()
        scene = self._gather(disvc, surroundings, now)
        self.members.put(disvc, find_members(disvc, scene.children))
        plan = make_plan(scene, self.offspring.is_current, now.timestamp())
        if plan.versions != scene.versions:
            self.reports.tell(disvc, find_news(scene.versions, plan.versions))
            disvc = self.reports.write(disvc, with_versions(disvc.status, plan))
        written = self._write(plan)
        troubles = _find_troubles(written, failures)
        if troubles or not (written.wrote or written.error):
            unrouted = _say_unrouted(disvc, surroundings)
            status = make_status(disvc, plan, scene.frame.host, troubles, unrouted, now)
            self.reports.tell_conditions(disvc, status)
            disvc = self.reports.write(disvc, status)
        if written.error is not None:
            raise written.error
        return disvc, sooner(plan.wake, written.pause), written.wrote > 0 and not troubles

    def _gather(self, disvc: Disvc, surroundings: Surroundings, now: datetime) -> Scene:
        owner = disvc.identity.owner
        if owner is None:
            raise ValueError(f"{disvc.identity.ref} has no uid")
        found = self.cache.children_of(ObjectKey(disvc.namespace, disvc.name))
        children = to_children(disvc.name, owner.uid, found)
        frame = Frame(
            name=disvc.name,
            namespace=disvc.namespace,
            owner=owner,
            domain=self._domain_of(disvc),
            gateway=surroundings.gateway,
            istio_api_version=self.settings.istio_api_version,
        )
        versions = read_versions(disvc.status)
        if not versions.all and children.versions():
            versions = recover(children.revisions(), children.routed, now.timestamp(), versions.last)
        return Scene(disvc, frame, children, surroundings.runtimes, versions)

    def _write(self, plan: Plan) -> Written:
        """Write what is to be there, then delete what is not; a fault ends it, a refusal does not."""
        written = Written()
        for body in plan.objects:
            if self.offspring.is_current(body):
                continue
            try:
                written.pause = sooner(written.pause, self.offspring.apply(body))
                written.wrote += 1
            except NameTaken as taken:
                written.taken.append(str(taken))
                written.pause = sooner(written.pause, TAKEN_SECONDS)
            except ApiError as error:
                written.note(body["metadata"]["name"], error)
                if not is_refusal(error):
                    return written
        if written.error is None:
            for child in plan.deletes:
                try:
                    self.offspring.delete(child)
                    written.wrote += 1
                except ApiError as error:
                    written.note(child.name, error)
                    return written
        return written

    def _refuse(self, disvc: D, problem: Finding) -> float:
        status = make_refusal(disvc, explain(problem), self.now())
        self.reports.tell_conditions(disvc, status)
        self.reports.write(disvc, status)
        return 0.0


def _find_troubles(written: Written, failures: int) -> list[Trouble]:
    troubles = [Trouble(NAME_TAKEN, text) for text in written.taken]
    troubles += [Trouble(REJECTED, text) for _, text in sorted(written.rejected.items())]
    failed = written.say_failure(failures)
    return troubles + ([Trouble(WRITE_FAILED, failed)] if failed else [])


def _say_unrouted(disvc: Disvc, surroundings: Surroundings) -> str:
    return surroundings.unrouted if disvc.spec.exposure == VIRTUAL_SERVICE else ""
