"""The rollouts that manifests ask for: who moves to whom, by which policy, and the plan of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshsplit.analysis.forecast import Conditions
from meshsplit.analysis.planner import Plan, make_plan
from meshsplit.api.modelsplit import KIND, ModelSplit, ModelSplitSpec
from meshsplit.api.validation import to_modelsplit
from meshsplit.cli.checking import Checked
from meshsplit.cli.compare import ref_of
from meshsplit.diagnostics import ObjectRef
from meshsplit.model import Group
from meshsplit.policy import Policy, to_policy


@dataclass(frozen=True, slots=True)
class Rollout:
    """A group that moves in steps: who is who, its policy, and its plan where the conditions are known."""

    group: Group
    stable: str
    canary: str
    policy: Policy
    plan: Plan | None


def find_rollouts(checked: Checked, known: tuple[float, float] | None) -> Iterator[Rollout]:
    """The groups that would move in steps, in the groups' order."""
    specs = _specs(checked)
    for outcome in checked.translation.outcomes:
        group = outcome.group
        spec = specs.get(str(group.source))
        if spec is None or spec.strategy is None or spec.strategy.canary is None or group.target is None:
            continue
        canaries = [name for name, weight in group.target.weights if weight and name != group.stable_member]
        if group.stable_member is None or not canaries:
            continue
        policy = to_policy(spec)
        plan = make_plan(policy.course, Conditions(*known, policy.read_seconds)) if known else None
        yield Rollout(group, group.stable_member, ", ".join(canaries), policy, plan)


def _specs(checked: Checked) -> Mapping[str, ModelSplitSpec]:
    """The specs of all valid ModelSplits, by the object's text; a file's takes the place of the cluster's."""
    bodies: dict[ObjectRef, Mapping[str, Any]] = {ref_of(body): body for body in checked.live.bodies}
    bodies |= {document.ref: document.body for document in checked.read.documents}
    read = ((ref, to_modelsplit(body)) for ref, body in bodies.items() if ref.kind == KIND)
    return {str(ref): split.spec for ref, split in read if isinstance(split, ModelSplit)}
