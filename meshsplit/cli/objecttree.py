"""A split and its objects as a tree: lines for a terminal, or a graph for Graphviz."""

from collections.abc import Sequence
from dataclasses import dataclass

from meshsplit.api.status import RECONCILING, ROUTES_ACCEPTED
from meshsplit.cli.cluster import Object
from meshsplit.cli.situation import MemberRow, Situation
from meshsplit.cli.splits import LiveSplit, mapping
from meshsplit.cli.tables import to_table
from meshsplit.cli.terminal import Style, visible
from meshsplit.cli.whynot import is_active
from meshsplit.istio import names

GOOD, BAD, OPEN = "✔", "✖", "◌"
_ROOT, _BRANCH, _LAST = "⇶ ", "├─ ", "└─ "

_COLOURS = {GOOD: "darkgreen", BAD: "red3", OPEN: "goldenrod"}
"""Of a graph; the word beside it says the same."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: its state as an icon and a word, its weight and a remark ("" for none)."""

    kind: str
    name: str
    icon: str
    status: str
    weight: str
    info: str


def make_tree(situation: Situation) -> tuple[Entry, ...]:
    """The split, then its members, the stable one first, then its VirtualServices by name."""
    routes = [_to_route_entry(body, situation) for body in situation.routes]
    if situation.main_route is None:
        name = names.splitting_name(situation.split.group)
        routes.append(Entry("VirtualService", name, BAD, "Missing", "", "not written"))
    members = [_to_member_entry(row) for row in situation.members]
    return (_to_root_entry(situation), *members, *routes)


def to_tree(tree: Sequence[Entry], style: Style) -> list[str]:
    """The tree as lines, its header first."""
    rows = []
    for at, entry in enumerate(tree):
        branch = _ROOT if at == 0 else _LAST if at == len(tree) - 1 else _BRANCH
        words = (
            f"{branch}{entry.name}",
            entry.kind,
            f"{entry.icon} {entry.status}",
            entry.weight,
            entry.info,
        )
        rows.append(list(words))
    first, *lines = to_table(["NAME", "KIND", "STATUS", "WEIGHT", "INFO"], rows)
    return [style.strong(first), *lines]


def to_dot(situation: Situation, tree: Sequence[Entry]) -> str:
    """The tree as a graph in Graphviz' language, an edge to each object with its weight."""
    root = _quote(f"{tree[0].kind}/{tree[0].name}")
    lines = [f"digraph {_quote(str(situation.split))} {{", "  rankdir=LR;", "  node [shape=box];"]
    for entry in tree:
        label = _quote(entry.kind, entry.name, entry.status)
        node = _quote(f"{entry.kind}/{entry.name}")
        lines.append(f"  {node} [label={label}, color={_COLOURS[entry.icon]}];")
    for entry in tree[1:]:
        weight = f" [label={_quote(entry.weight)}]" if entry.weight else ""
        lines.append(f"  {root} -> {_quote(f'{entry.kind}/{entry.name}')}{weight};")
    return "\n".join([*lines, "}"])


def _to_root_entry(situation: Situation) -> Entry:
    split = situation.split
    if split.ready is None:
        return Entry("ModelSplit", split.name, OPEN, "Unknown", "", "no status yet")
    return Entry("ModelSplit", split.name, _find_icon(split), split.ready.reason, "", split.weight)


def _find_icon(split: LiveSplit) -> str:
    """Open while a rollout is under way or something is being written."""
    if split.status.is_ready and not split.attention:
        return OPEN if is_active(split.status) else GOOD
    reconciling = split.status.condition(RECONCILING)
    return OPEN if reconciling is not None and reconciling.status == "True" else BAD


def _to_member_entry(row: MemberRow) -> Entry:
    if row.service is None:
        return Entry("InferenceService", row.name, BAD, "Missing", row.weight, row.role)
    condition = row.condition
    state = condition.get("status")
    icon, word = {"True": (GOOD, "Ready"), "False": (BAD, "NotReady")}.get(str(state), (OPEN, "Unknown"))
    why = str(condition.get("message") or condition.get("reason") or "") if state != "True" else ""
    return Entry(
        "InferenceService", row.name, icon, word, row.weight, ", ".join(filter(None, [row.role, why]))
    )


def _to_route_entry(body: Object, situation: Situation) -> Entry:
    name = body["metadata"]["name"]
    if mapping(body, "metadata", "labels").get(names.MANAGED_BY) != names.MANAGER:
        return Entry("VirtualService", name, BAD, "Foreign", "", "not made by meshsplit")
    accepted = situation.split.status.condition(ROUTES_ACCEPTED)
    if accepted is None or body is not situation.main_route:
        return Entry("VirtualService", name, GOOD, "Written", "", _describe_binding(body))
    if accepted.status == "True":
        return Entry("VirtualService", name, GOOD, "Accepted", "", _describe_binding(body))
    return Entry("VirtualService", name, BAD, accepted.reason, "", accepted.message)


def _describe_binding(body: Object) -> str:
    """At which gateways and hosts it answers; without hosts, others delegate to it."""
    spec = mapping(body, "spec")
    hosts, bound = spec.get("hosts"), spec.get("gateways")
    if not hosts:
        return "delegate"
    at = ", ".join(map(str, bound)) if isinstance(bound, list) else "mesh"
    return f"{', '.join(map(str, hosts)) if isinstance(hosts, list) else hosts} at {at}"


def _quote(*lines: str) -> str:
    r"""A string of Graphviz; its lines are centred below each other by `\n`."""
    escaped = (visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
