"""MSP7xx: what KServe and the mesh do with the same objects."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

PLATFORM = (
    Rule(
        "MSP701",
        Severity.WARNING,
        "editing the percentage restarts the model server",
        why="In Standard mode KServe copies an InferenceService's annotations to its pods. Editing "
        "canaryTrafficPercent changes the pod template, so every step of a rollout restarts the model.",
        does="Splits the group as asked.",
        fix="Put the weights into a ModelSplit with weightsFrom: Spec, or add the key to "
        "serviceAnnotationDisallowedList in KServe's ConfigMap inferenceservice-config.",
        example=dedent("""\
            apiVersion: meshsplit.dev/v1alpha1
            kind: ModelSplit
            metadata: {name: mnist, namespace: models}
            spec:
              modelTag: mnist
              weightsFrom: Spec
              members:
              - {name: mnist-v1, weight: 80}
              - {name: mnist-v2, weight: 20}
            """),
    ),
    Rule(
        "MSP702",
        Severity.WARNING,
        "an InferenceService uses spec.canary",
        why="KServe then splits that InferenceService's own traffic between two versions. Inside a group "
        "both shares multiply, and neither of the two numbers is the share a client sees.",
        does="Ignores spec.canary and gives the InferenceService its share of the group.",
        fix="Make the canary an InferenceService of its own with the same model-tag, and remove spec.canary.",
    ),
    Rule(
        "MSP703",
        Severity.WARNING,
        "an ambient namespace has no waypoint",
        why="In Istio's ambient mode HTTP routing needs a waypoint proxy. Without one, calls from inside "
        "the mesh go to the backends directly and weights are not applied; calls through the gateway "
        "are not affected.",
        does="`meshsplit check` looks for a waypoint in ambient namespaces that have groups, and warns. "
        "Routes are written all the same.",
        fix="Deploy a waypoint for the namespace: `istioctl waypoint apply -n NAMESPACE --enroll-namespace`.",
    ),
    Rule(
        "MSP704",
        Severity.WARNING,
        "percentage of a revision and of a group on one InferenceService",
        why="spec.predictor.canaryTrafficPercent is the share of the newest revision of this "
        "InferenceService; the annotation serving.kserve.io/canaryTrafficPercent is the share of the "
        "InferenceService in its group. They sound alike, mean different things, and multiply.",
        does="Reads only the annotation. KServe goes on splitting the revisions.",
        fix="Remove spec.predictor.canaryTrafficPercent from members of a group, and roll out a new version "
        "as a new member.",
        example=dedent("""\
            metadata:
              annotations:
                serving.kserve.io/canaryTrafficPercent: "20"   # share in the group: meshsplit
            spec:
              predictor:
                canaryTrafficPercent: 10                       # share of the newest revision: KServe
            """),
    ),
)
