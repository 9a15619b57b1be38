"""A whole world, of which one key is looked at after the other."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from meshsplit.istio.names import splitting_name
from meshsplit.model import GroupKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshsplit.diagnostics import Finding, ObjectRef
    from meshsplit.model import ObjectIdentity, World


_GATEWAY_CODES = frozenset({"MSP206", "MSP303"})


class Findings:
    """Findings by what they are about; false when there are none.

    Those about a gateway are one for all that is bound to it, and name only the first: every key gets them.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._by_object: defaultdict[ObjectRef | None, list[Finding]] = defaultdict(list)
        self._gateways: list[Finding] = []
        for finding in findings:
            if finding.code in _GATEWAY_CODES:
                self._gateways.append(finding)
            else:
                self._by_object[finding.object].append(finding)

    def __bool__(self) -> bool:
        return bool(self._by_object or self._gateways)

    def about(self, refs: Iterable[ObjectRef]) -> list[Finding]:
        """Those about one of the objects, or about a gateway, in no order."""
        return [finding for ref in refs for finding in self._by_object.get(ref, ())] + self._gateways


class Whole:
    """A world with its groups and models by key.

    `models` and `groups` are the VirtualServices that its models and groups are entitled to, `findings` all
    that was found: also what is about others than the key that is looked at.
    """

    def __init__(self, world: World) -> None:
        self.findings = Findings(world.findings)
        self.models = frozenset(_identity(model.namespace, model.name) for model in world.models)
        self.groups = frozenset(
            _identity(group.key.namespace, splitting_name(group.key.name))
            for group in world.groups
            if group.withdrawn is None and group.refused is None
        )
        self._rest = replace(world, groups=(), models=(), findings=())
        self._groups = {group.key: group for group in world.groups}
        self._models = {GroupKey(model.namespace, model.name): model for model in world.models}

    def narrow(self, keys: Iterable[GroupKey]) -> World:
        """The same world with only the groups and models of `keys` in it, and without findings."""
        wanted = sorted(keys)
        return replace(
            self._rest,
            groups=tuple(self._groups[key] for key in wanted if key in self._groups),
            models=tuple(self._models[key] for key in wanted if key in self._models),
        )


def _identity(namespace: str, name: str) -> ObjectIdentity:
    return "VirtualService", namespace, name
