"""Rules that span fields, in CEL for the CRDs; the words are those of the check without a cluster.

The API server estimates what a rule costs at the bounds of the fields it reads and refuses a CRD above a
budget: a message that joins strings is, `.format` is not.
"""

from meshsplit.api.affinity import UNUSABLE_HEADERS
from meshsplit.api.structural import Schema

WRONG_SUM = "members: weights add up to {total}, want 100"
NO_GROUP = "weightsFrom: Spec needs members; weightsFrom: Annotations needs modelTag"
ONE_STRATEGY = "strategy: set exactly one of canary, blueGreen"
ONE_RAMP = "strategy.canary: set either stepWeights or stepWeight with maxWeight, not both"
STEPS_GO_UP = "strategy.canary.stepWeights: must go up, for example [5, 10, 25, 50]"
NO_AFFINITY = "sessionAffinity: set cookie, header or both"
UNUSABLE_HEADER = "sessionAffinity.header: its values are not uniform hex that a client keeps"

MODELSPLIT_RULES: tuple[Schema, ...] = (
    {
        "rule": "self.weightsFrom != 'Spec' || !has(self.members) || "
        "self.members.map(m, m.weight).sum() == 100",
        "messageExpression": f"'{WRONG_SUM.format(total='%d')} (MSP101)'"
        ".format([self.members.map(m, m.weight).sum()])",
    },
    {
        "rule": "self.weightsFrom == 'Spec' ? has(self.members) : has(self.modelTag)",
        "message": NO_GROUP,
    },
    {
        "rule": "!has(self.strategy) || (has(self.strategy.canary) != has(self.strategy.blueGreen))",
        "message": ONE_STRATEGY,
    },
    {
        # Neither is legal: the ramp then follows the evidence.
        "rule": "!has(self.strategy) || !has(self.strategy.canary) || "
        "!(has(self.strategy.canary.stepWeights) && has(self.strategy.canary.stepWeight))",
        "message": ONE_RAMP,
    },
    {
        "rule": "!has(self.strategy) || !has(self.strategy.canary) || "
        "!has(self.strategy.canary.stepWeights) || self.strategy.canary.stepWeights.isSorted()",
        "message": STEPS_GO_UP,
    },
    {
        "rule": "!has(self.sessionAffinity) || has(self.sessionAffinity.cookie) || "
        "has(self.sessionAffinity.header)",
        "message": NO_AFFINITY,
    },
    {
        "rule": "!has(self.sessionAffinity) || !has(self.sessionAffinity.header) || "
        f"!(self.sessionAffinity.header.lowerAscii() in {list(UNUSABLE_HEADERS)})",
        "message": f"{UNUSABLE_HEADER} (MSP401)",
    },
)
"""On `spec` of a ModelSplit."""

ONE_TEMPLATE = "set either inferenceService or inferenservice, not both"
NO_TEMPLATE = "inferenceService is missing: the spec of the InferenceServices to run"
INGRESS_CANARY = "deploymentStrategy.type: Canary needs exposure: VirtualService; an Ingress splits nothing"
NO_ROOM = "deploymentStrategy.rollingUpdate: maxUnavailable and maxSurge cannot both be 0"

_NO_ROOM_RULE = " && ".join(
    f"has(self.deploymentStrategy.rollingUpdate.{name}) && "
    f"(self.deploymentStrategy.rollingUpdate.{name} == 0 || "
    f"self.deploymentStrategy.rollingUpdate.{name} == '0%')"
    for name in ("maxUnavailable", "maxSurge")
)
DISVC_RULES: tuple[Schema, ...] = (
    {"rule": "!(has(self.inferenceService) && has(self.inferenservice))", "message": ONE_TEMPLATE},
    {"rule": "has(self.inferenceService) || has(self.inferenservice)", "message": NO_TEMPLATE},
    {
        "rule": "!has(self.deploymentStrategy) || !has(self.deploymentStrategy.rollingUpdate) || "
        f"!({_NO_ROOM_RULE})",
        "message": NO_ROOM,
    },
    {
        "rule": "!has(self.deploymentStrategy) || self.deploymentStrategy.type != 'Canary' || "
        "!has(self.exposure) || self.exposure != 'Ingress'",
        "message": INGRESS_CANARY,
    },
)
"""On `spec` of a DistributedInferenceService."""
