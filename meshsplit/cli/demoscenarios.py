"""What may happen to the demo's canary."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from meshsplit.cli.walkthrough import GROUP
from meshsplit.local.models.spec import Behaviour
from meshsplit.rollout.state import Phase

STABLE, CANARY = "ai-model-v1", "ai-model-v2"
FAILING = 0.1
"""Of the faulty versions' requests."""
DELAY_SECONDS, DELAY_SPREAD = 0.02, 0.6
"""Of both models where latency is judged, as a log-normal: as wide as models' usually are."""
SLOWER = 3
QUIET_DEADLINE = "20s"


@dataclass(frozen=True, slots=True)
class CanaryScenario:
    """One kind of canary: its faults from a weight on (percent), the traffic (requests/s), the right end.

    `canary` and `analysis` are put over those of the example's ModelSplit.
    """

    name: str
    says: str
    expected: Phase
    rate: float = 300.0
    failing: float = 0.0
    fault_from: int = 0
    delay_seconds: float = 0.0
    canary_slower: int = 1
    canary: Mapping[str, Any] = field(default_factory=dict)
    analysis: Mapping[str, Any] = field(default_factory=dict)

    def make_behaviours(self, weight: int, seed: int) -> list[Behaviour]:
        """How both models behave once the canary has had `weight` percent."""
        failing = self.failing if weight >= self.fault_from else 0.0
        delay, spread = self.delay_seconds, DELAY_SPREAD if self.delay_seconds else 0.0
        return [
            Behaviour(GROUP.namespace, STABLE, 0.0, delay, spread, seed),
            Behaviour(GROUP.namespace, CANARY, failing, delay * self.canary_slower, spread, seed + 1),
        ]

    def make_split(self, example: Mapping[str, Any]) -> dict[str, Any]:
        """The example's ModelSplit for this scenario."""
        body = deepcopy(dict(example))
        body["spec"]["strategy"]["canary"] |= self.canary
        body["spec"]["analysis"] |= self.analysis
        return body


CANARY_SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        CanaryScenario("good", "a good version", Phase.PROMOTED),
        CanaryScenario(
            "bad", f"a version that fails {FAILING:.0%} of its requests", Phase.ROLLED_BACK, failing=FAILING
        ),
        CanaryScenario(
            "slow",
            f"a version that takes {SLOWER} times as long",
            Phase.ROLLED_BACK,
            delay_seconds=DELAY_SECONDS,
            canary_slower=SLOWER,
            analysis={
                "metrics": [
                    {"name": "error-rate", "tolerance": {"ratio": "1"}},
                    {"name": "latency", "tolerance": {"ratio": "1.25"}},
                ]
            },
        ),
        CanaryScenario(
            "quiet",
            f"a good version that hardly anybody uses; {QUIET_DEADLINE} to judge it",
            Phase.INCONCLUSIVE,
            rate=4.0,
            canary={"failureBudget": 1},
            analysis={"deadline": QUIET_DEADLINE},
        ),
        CanaryScenario(
            "late-fault",
            f"a version that fails {FAILING:.0%} of its requests once it gets 30% of them",
            Phase.ROLLED_BACK,
            failing=FAILING,
            fault_from=30,
        ),
    )
}
