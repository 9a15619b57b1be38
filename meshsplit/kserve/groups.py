"""Groups: members, target and routing put together, and the reasons to leave one as it is or take it away."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from meshsplit.api.names import MAX_LABEL_VALUE, is_label_value, is_object_name
from meshsplit.api.problems import describe
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.kserve.agreement import find_disagreements
from meshsplit.kserve.backends import to_member
from meshsplit.kserve.drafts import Draft
from meshsplit.kserve.exposure import Exposure, find_impossible_host
from meshsplit.kserve.objects import InferenceService, RoutingRequest
from meshsplit.kserve.remarks import remark_on_group
from meshsplit.kserve.runtimes import Runtimes, Unroutable
from meshsplit.kserve.weights import to_annotated_target, to_requested_target
from meshsplit.model import DeploymentMode, Group, Owner, Routing, RoutingMode, Split, Strategy


@dataclass(frozen=True, slots=True)
class GroupMaker:
    """What groups are made with; `malformed` are the objects that could not be read."""

    exposure: Exposure
    runtimes: Runtimes
    malformed: Mapping[ObjectRef, Finding]

    def make_group(self, draft: Draft) -> tuple[Group, tuple[Finding, ...]]:
        """The group of a draft and everything found about it alone; collisions are found elsewhere.

        Where something of it could not be read, or its name cannot be used, that is all there is to say.
        """
        request = draft.request
        asked = request.routing if request is not None else RoutingRequest()
        routing = self.exposure.make_group_routing(draft.key, draft.members, asked)
        unread = draft.broken or self._unread_namespace(draft, routing, asked)
        blocking = unread or _find_unnameable(draft, routing)
        if blocking is not None:
            group = self._make_group(draft, routing, None, refused=blocking)
            return replace(group, unreadable=unread is not None), (blocking,)
        target, wrong_weights = _to_target(draft)
        refusals, withdrawals = find_disagreements(draft), self._find_withdrawals(draft, routing, asked)
        for member, unroutable in self._unroutable_members(draft.members):
            if unroutable.malformed is not None:
                refusals.append(unroutable.malformed)
            else:
                withdrawals.append(_not_exposed(draft, member, unroutable))
        group = self._make_group(
            draft,
            routing,
            target,
            refused=refusals[0] if refusals else None,
            withdrawn=withdrawals[0] if withdrawals else None,
        )
        return group, (*wrong_weights, *refusals, *withdrawals, *remark_on_group(draft, group))

    def _make_group(
        self,
        draft: Draft,
        routing: Routing,
        target: Split | None,
        refused: Finding | None = None,
        withdrawn: Finding | None = None,
    ) -> Group:
        request = draft.request
        return Group(
            key=draft.key,
            members=tuple(to_member(s, self.runtimes.named_by(s)) for s in draft.members),
            target=target,
            routing=routing,
            stable_member=request.stable_member if request is not None else None,
            strategy=request.strategy if request is not None else Strategy.STATIC,
            affinity=request.affinity if request is not None else None,
            owners=_owners(draft),
            source=request.ref if request is not None else None,
            refused=refused,
            withdrawn=withdrawn,
        )

    def _unread_namespace(self, draft: Draft, routing: Routing, asked: RoutingRequest) -> Finding | None:
        """What is wrong with the namespace, if the group depends on it."""
        if asked.mode is RoutingMode.DELEGATE or (asked.gateways and routing.own_host):
            return None
        malformed = self.malformed.get(ObjectRef("Namespace", "", draft.key.namespace))
        return malformed or self.exposure.find_problem(draft.key.namespace, bool(asked.gateways))

    def _find_withdrawals(self, draft: Draft, routing: Routing, asked: RoutingRequest) -> list[Finding]:
        nowhere = self.exposure.find_withdrawal(draft.key, routing, asked, draft.site)
        return [nowhere] if nowhere is not None else []

    def _unroutable_members(
        self, members: tuple[InferenceService, ...]
    ) -> list[tuple[InferenceService, Unroutable]]:
        if not self.exposure.settings.require_enable_route:
            return []
        meshed = [member for member in members if member.mode is DeploymentMode.MODEL_MESH]
        asked = [(member, self.runtimes.find_unroutable(member)) for member in meshed]
        return [(member, unroutable) for member, unroutable in asked if unroutable is not None]


def _owners(draft: Draft) -> tuple[Owner, ...]:
    """A tagged group keeps its routes when its ModelSplit is deleted: level 0 takes over from level 1."""
    tagged = [member.identity for member in draft.members if member.tag == draft.key.name]
    identities = [draft.request.identity, *tagged] if draft.request is not None else tagged
    owners = (identity.owner for identity in identities)
    return tuple(owner for owner in owners if owner is not None)


def _to_target(draft: Draft) -> tuple[Split | None, tuple[Finding, ...]]:
    if draft.request is None or not draft.request.from_spec:
        return to_annotated_target(draft.key, draft.members)
    target, findings = to_requested_target(draft.request)
    return (None if draft.missing else target), findings


def _find_unnameable(draft: Draft, routing: Routing) -> Finding | None:
    name, (ref, path) = draft.key.name, draft.site
    if not is_label_value(name) or not is_object_name(name):
        usable = re.sub("[^a-z0-9-]+", "-", name.lower())[:MAX_LABEL_VALUE].strip("-") or "my-group"
        message = (
            f"group name {describe(name)} cannot be used: its routes need a lower-case DNS name "
            f"of at most {MAX_LABEL_VALUE} characters"
        )
        return Finding("MSP214", message, ref, path, fix=f"rename it, for example {usable}")
    host = find_impossible_host(routing)
    if host is None:
        return None
    message = f"group name {name} cannot be used: its host {describe(host)} is no DNS name of legal length"
    return Finding("MSP214", message, ref, path, fix="use a shorter name, or name a host in a ModelSplit")


def _not_exposed(draft: Draft, member: InferenceService, unroutable: Unroutable) -> Finding:
    return Finding(
        unroutable.code,
        f"member {member.name} of group {draft.key.name} is not exposed: {unroutable.reason}",
        member.ref,
        unroutable.path,
        fix=unroutable.fix,
        related=unroutable.related,
    )
