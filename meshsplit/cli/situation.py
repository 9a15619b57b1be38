"""Everything a cluster holds about one group: its split, its members and its VirtualServices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.api.status import MemberStatus
from meshsplit.cli.cluster import Cluster, Object
from meshsplit.cli.compare import split_of
from meshsplit.cli.kinds import INFERENCE_SERVICES, virtual_services
from meshsplit.cli.ownership import Authorship, find_authors, find_writers
from meshsplit.cli.splits import LiveSplit, mapping
from meshsplit.istio import names
from meshsplit.kserve import keys
from meshsplit.model import FULL, Split

ANNOTATION_PATH = ("metadata", "annotations", keys.PERCENT)
MEMBERS_PATH = ("spec", "members")


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member: what the status says, its InferenceService (None: gone), its target as it is written.

    The numbers are percent as text, "" when not known; the target may be whatever somebody wrote.
    """

    name: str
    role: str
    target: str
    weight: str
    measured: str
    service: Object | None

    @property
    def condition(self) -> Mapping[str, Any]:
        """The InferenceService's condition Ready; empty when it has none."""
        listed = mapping(self.service or {}, "status").get("conditions")
        conditions = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        return next((each for each in conditions if each.get("type") == "Ready"), {})


@dataclass(frozen=True, slots=True)
class Situation:
    """A split with its members, the stable one first, and the VirtualServices about it, sorted by name."""

    split: LiveSplit
    members: tuple[MemberRow, ...]
    routes: tuple[Object, ...]
    from_spec: bool

    @property
    def main_route(self) -> Object | None:
        """The VirtualService of the group itself."""
        wanted = names.splitting_name(self.split.group)
        return next((body for body in self.routes if body["metadata"]["name"] == wanted), None)

    @property
    def routed(self) -> Split | None:
        """The split that the group's VirtualService says it realises."""
        return None if self.main_route is None else split_of(self.main_route)

    @property
    def target_authors(self) -> tuple[Authorship, ...]:
        """Who wrote the target last: in the split, or in the members' annotations."""
        if self.from_spec:
            return find_authors([self.split.body], MEMBERS_PATH)
        return find_authors([row.service for row in self.members if row.service], ANNOTATION_PATH)

    @property
    def strangers(self) -> tuple[str, ...]:
        """Managers other than meshsplit that own something in the spec of the group's VirtualService."""
        writers = find_writers(self.main_route or {}, ("spec",))
        return tuple(sorted({writer.manager for writer in writers} - {names.MANAGER}))


def read_situation(cluster: Cluster, split: LiveSplit) -> Situation:
    """Read what belongs to a split; what the cluster cannot show of KServe or Istio raises CannotAnswer."""
    services = {each["metadata"]["name"]: each for each in cluster.list(INFERENCE_SERVICES, split.namespace)}
    routes = cluster.list(virtual_services(cluster.istio_version()), split.namespace)
    rows = _make_rows(split, services)
    own = {names.splitting_name(split.group), *(row.name for row in rows)}
    return Situation(
        split=split,
        members=rows,
        routes=tuple(body for body in routes if _is_about(body, split.group, own)),
        from_spec=_weights_are_in_spec(split),
    )


def _is_about(body: Object, group: str, own: set[str]) -> bool:
    tag = mapping(body, "metadata", "annotations").get(names.MODEL_TAG)
    return tag == group or body["metadata"]["name"] in own


def _weights_are_in_spec(split: LiveSplit) -> bool:
    return mapping(split.body, "spec").get("weightsFrom") == "Spec"


def _make_rows(split: LiveSplit, services: Mapping[str, Object]) -> tuple[MemberRow, ...]:
    told = {member.name: member for member in split.status.members}
    written = find_written_targets(split, services)
    every = {*told, *written}
    order = sorted(every, key=lambda name: (name != split.status.stable, name))
    total = split.status.total
    return tuple(
        _make_row(name, told.get(name), written.get(name), services.get(name), total) for name in order
    )


def _make_row(
    name: str, told: MemberStatus | None, written: str | None, service: Object | None, total: int
) -> MemberRow:
    known = told.target_weight if told is not None else None
    return MemberRow(
        name=name,
        role=told.role if told is not None else "new",
        # What is written may be newer than the status, or no number at all: that is what a person looks for.
        # Targets are percent, whatever the split that serves adds up to.
        target=to_percent(known, FULL) if written is None else written,
        weight=to_percent(told.weight if told is not None else None, total),
        measured=(told.measured_percent or "") if told is not None else "",
        service=service,
    )


def to_percent(weight: int | None, total: int) -> str:
    """A share of `total` as percent, without trailing zeros; "" when it is not known."""
    return f"{weight * FULL / total:g}" if weight is not None and total else ""


def find_written_targets(split: LiveSplit, services: Mapping[str, Object]) -> dict[str, str]:
    """The target of each member as somebody wrote it, "" where nobody did."""
    if _weights_are_in_spec(split):
        listed = mapping(split.body, "spec").get("members")
        members = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        return {str(each.get("name")): str(each.get("weight")) for each in members}
    return {
        name: str(mapping(body, "metadata", "annotations").get(keys.PERCENT, ""))
        for name, body in services.items()
        if mapping(body, "metadata", "labels").get(keys.MODEL_TAG) == split.group
        and not body["metadata"].get("deletionTimestamp")
    }
