"""Claims on names, hosts and paths that only one can have: the older keeps them, the younger loses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import product

from meshsplit.diagnostics import Finding, Related
from meshsplit.kserve.drafts import Age
from meshsplit.kserve.exposure import Site
from meshsplit.model import Group, Model, Protocol, Routing

GROUP, MODEL = "group", "model"

Place = tuple[str, str]
"""A gateway as namespace/name, and a host on it."""
Key = tuple[str, str, str]
"""GROUP or MODEL, namespace, name."""


class Lost(Enum):
    """What a claimant loses: nothing (it is only told), its gRPC route, or its claim to be exposed."""

    NOTHING = "nothing"
    GRPC = "gRPC"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Claimant:
    """A group or a model; `site` is the field that names it, `routing` None for one that is not exposed."""

    key: Key
    age: Age
    site: Site
    routing: Routing | None
    grpc: bool

    def __str__(self) -> str:
        kind, namespace, name = self.key
        return f"{kind} {namespace}/{name}"

    @property
    def name(self) -> str:
        """The name that clients use."""
        return self.key[2]

    @property
    def namespace(self) -> str:
        """The namespace it is in."""
        return self.key[1]

    @property
    def order(self) -> tuple[Age, Key]:
        """Older first; a group before a model that is as old."""
        return self.age, self.key

    def places(self) -> Iterator[Place]:
        """Every gateway and host that it is bound to."""
        if self.routing is not None:
            for gateway, host in product(self.routing.gateways, self.routing.hosts):
                yield gateway if "/" in gateway else f"{self.namespace}/{gateway}", host

    def lose(self, what: Lost, code: str, message: str, fix: str, to: "Claimant | Related") -> "Loss":
        """The loss of this claimant to another one, with the finding that tells it."""
        related = (
            Related(f"{to} comes first: older, else by name", *to.site) if isinstance(to, Claimant) else to
        )
        return Loss(self.key, what, Finding(code, message, *self.site, fix=fix, related=(related,)))


@dataclass(frozen=True, slots=True)
class Loss:
    """What one claimant loses, and the finding that says so."""

    key: Key
    what: Lost
    finding: Finding


def apply_to_group(group: Group, losses: Iterable[Loss]) -> Group:
    """The group after its losses; a refusal that was there before stays the reason."""
    for loss in losses:
        if loss.what is Lost.GRPC:
            protocols = group.routing.protocols - {Protocol.GRPC}
            group = replace(group, routing=replace(group.routing, protocols=protocols))
        elif loss.what is Lost.EVERYTHING:
            group = replace(group, refused=group.refused or loss.finding)
    return group


def apply_to_model(model: Model, losses: Iterable[Loss]) -> Model | None:
    """The model after its losses; None when it may not be exposed."""
    what = {loss.what for loss in losses}
    if Lost.EVERYTHING in what:
        return None
    return replace(model, grpc=None) if Lost.GRPC in what else model
