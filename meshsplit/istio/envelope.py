"""What every generated object has around its spec: names, marks and owners, keys in canonical order."""

from collections.abc import Mapping
from typing import Any

from meshsplit.model import DestinationRulePlan, Owner, RoutePlan

Fields = dict[str, Any]


def make_object(
    api_version: str, kind: str, plan: RoutePlan | DestinationRulePlan, spec: Mapping[str, Any]
) -> Fields:
    """Write down the object that `plan` names, with `spec`."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": written(
            name=plan.name,
            namespace=plan.namespace,
            labels=dict(plan.labels),
            annotations=dict(plan.annotations),
            ownerReferences=[_to_owner_reference(owner, owner == plan.owners[0]) for owner in plan.owners],
        ),
        "spec": spec,
    }


def written(**fields: Any) -> Fields:
    """Keep the fields that say something, in the order given."""
    return {key: value for key, value in fields.items() if value or _says_something(value)}


def _says_something(value: Any) -> bool:
    """Of a value that counts as false: zero and the empty string do."""
    return value is not None and value not in ([], {})


def _to_owner_reference(owner: Owner, controller: bool) -> Fields:
    """Without blockOwnerDeletion, which would need the right to write finalizers of InferenceServices."""
    return written(
        apiVersion=owner.api_version,
        kind=owner.kind,
        name=owner.name,
        uid=owner.uid,
        controller=True if controller else None,
    )
