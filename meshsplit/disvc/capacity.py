"""How many InferenceServices each version may have while one takes over from another."""

from dataclasses import dataclass

from meshsplit.api.disvc import DistributedInferenceServiceSpec, Share

_DEFAULT_SURGE = "100%"
"""A version is built in full beside the one that serves, as the switch is one write."""

_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Capacity:
    """`replicas` are wanted, `surge` more may exist, `unavailable` of them may be missing."""

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        """InferenceServices of all versions together."""
        return self.replicas + self.surge

    @property
    def needed(self) -> int:
        """How many of a version have to be ready for all traffic to go to it."""
        return self.replicas - self.unavailable

    @property
    def next_one(self) -> int:
        """How many the next version has before it serves."""
        return min(self.replicas, self.surge + self.unavailable)

    @property
    def meanwhile(self) -> int:
        """How many the version that serves keeps until then."""
        return min(self.replicas, self.most - self.next_one)

    @property
    def least_surge(self) -> int:
        """The smallest surge that leaves room."""
        return max(self.needed - self.unavailable, 0)

    @property
    def has_room(self) -> bool:
        """Whether the next version can be built at all while the present one serves."""
        return self.next_one >= self.needed


def to_capacity(spec: DistributedInferenceServiceSpec) -> Capacity:
    """Percentages of the replicas: of a surge rounded up, of the missing ones down (as a Deployment's)."""
    rolling = spec.deployment_strategy.rolling_update if spec.deployment_strategy else None
    surge = rolling.max_surge if rolling is not None else None
    missing = rolling.max_unavailable if rolling is not None else None
    return Capacity(
        spec.replicas,
        -(-_hundredths(_DEFAULT_SURGE if surge is None else surge, spec.replicas) // _WHOLE),
        min(_hundredths(0 if missing is None else missing, spec.replicas) // _WHOLE, spec.replicas),
    )


def _hundredths(share: Share, replicas: int) -> int:
    return share * _WHOLE if isinstance(share, int) else int(share.rstrip("%")) * replicas
