"""A group under rollout as a controller reports it, for verbs that read or steer it."""

from typing import Any

from meshsplit.model import Split
from meshsplit.rollout.leg import Leg
from meshsplit.rollout.state import Measure, Phase, RolloutState
from meshsplit.rollout.storage import to_text
from support.live import SINCE, make_condition, make_split

STEPS = {"canary": {"stepWeights": [5, 10, 25, 50]}}
ROLLOUT = "7f3a"
START, END = (Split((("mnist-v1", first), ("mnist-v2", 100 - first))) for first in (100, 0))
EVIDENCE = {
    "metric": "error-rate",
    "member": "mnist-v2",
    "requests": 720,
    "errors": 2,
    "value": "0.28",
    "low": "0.03",
    "high": "1.00",
    "stableMember": "mnist-v1",
    "stableRequests": 6480,
    "stableErrors": 7,
    "stableValue": "0.11",
    "ratio": "2.571",
    "ratioLow": "0.5342",
    "ratioHigh": "12.38",
    "harm": "0.41",
    "safety": "1.2",
}


def make_decision(action: str = "Hold", reason: str = "NotEnoughEvidence", **fields: Any) -> dict[str, Any]:
    """The last decision, on EVIDENCE."""
    weighed = {"harm": "0.41", "harmNeeded": "100", "safety": "1.2", "safetyNeeded": "20"}
    said = {"time": SINCE, "action": action, "reason": reason, "message": "2 of 720 requests failed"}
    return {**said, **weighed, "evidence": [EVIDENCE], **fields}


def make_checkpoint(canary: int = 10, phase: Phase = Phase.PROGRESSING) -> str:
    """What the controller goes on from, with the canary at that percent."""
    serving = Split((("mnist-v1", 100 - canary), ("mnist-v2", canary)))
    leg = Leg("mnist-v2", "mnist-v1", START, END)
    measure = Measure(10 * canary, trial="", rules="", started_at=0.0)
    return to_text(RolloutState(phase, serving, serving, END, ROLLOUT, 1, leg, measure=measure))


def make_rollout(
    canary: int = 10, ready: str = "Progressing", phase: Phase = Phase.PROGRESSING, **status: Any
) -> dict[str, Any]:
    """The ModelSplit mnist, mnist-v2 at `canary` percent on its second step of four."""
    promoted = {Phase.PROMOTED: "True", Phase.ROLLED_BACK: "False", Phase.ABORTED: "False"}
    shares = {"mnist-v1": 100 - canary, "mnist-v2": canary}
    body = make_split(
        "mnist",
        spec={"modelTag": "mnist", "stableMember": "mnist-v1", "strategy": STEPS},
        observedGeneration=1,
        strategy="Canary",
        stable="mnist-v1",
        canary="mnist-v2",
        weight=f"{100 - canary} / {canary}",
        target="0 / 100",
        total=100,
        members=[
            {
                "name": name,
                "role": role,
                "targetWeight": END.of(name),
                "weight": shares[name],
                "measuredPercent": f"{shares[name] + 0.3:.1f}",
                "ready": True,
            }
            for name, role in (("mnist-v1", "stable"), ("mnist-v2", "canary"))
        ],
        conditions=[
            make_condition("Ready", reason=ready, message="2 of 720 requests failed"),
            make_condition("Promoted", promoted.get(phase, "Unknown"), str(phase)),
        ],
        rollout={"id": ROLLOUT, "state": str(phase), "step": 2, "steps": 4, "startedAt": SINCE},
        lastDecision=make_decision(),
        checkpoint=make_checkpoint(canary, phase),
    )
    return {**body, "status": {**body["status"], **status}}
