"""MSP1xx: percentages and members of a group."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

WEIGHTS = (
    Rule(
        "MSP101",
        Severity.ERROR,
        "percentages of a group do not add up to 100",
        why="Istio treats weights as relative: 80 + 30 becomes 72.7 / 27.3 without any warning. Nobody "
        "asked for that split, and a percentage in git would no longer mean a percentage of traffic.",
        does="Keeps the last valid split untouched and normalises nothing. `render` leaves the group's "
        "routes out because it knows no earlier split; `meshsplit local` goes on serving the one before "
        "the edit, so editing two files one after the other is harmless.",
        fix="Change the percentages so that they add up to exactly 100. The fix line proposes the smallest "
        "edit.",
        example=dedent("""\
            # mnist-v1.yaml
            serving.kserve.io/canaryTrafficPercent: "80"
            ---
            # mnist-v2.yaml
            serving.kserve.io/canaryTrafficPercent: "20"
            """),
    ),
    Rule(
        "MSP102",
        Severity.ERROR,
        "canaryTrafficPercent is not a whole number from 0 to 100",
        why='Values such as "50%", " 50", "50.5" or "-5" have no single meaning as an Istio weight, and -5 '
        "beside 105 would even add up to 100.",
        does="Treats the whole group's percentages as invalid and keeps the last valid split untouched.",
        fix="Write digits only, quoted, from 0 to 100. Shares below one percent cannot be written in the "
        "annotation.",
        example=dedent("""\
            serving.kserve.io/canaryTrafficPercent: "50%"    # wrong
            serving.kserve.io/canaryTrafficPercent: "50"     # right
            """),
    ),
    Rule(
        "MSP103",
        Severity.ERROR,
        "every member of a group has weight 0",
        why="Istio refuses a route whose weights add up to 0, and there would be nobody to answer.",
        does="Keeps the last valid split untouched.",
        fix="Give at least one member a percentage above 0 so that the group adds up to 100. To take a "
        "group out of service, remove the model-tag label from its members or delete its ModelSplit.",
    ),
    Rule(
        "MSP104",
        Severity.ERROR,
        "a member has no percentage",
        why="Istio reads a missing weight as 0. With 20 on one member and nothing on the other, all traffic "
        "goes to the one with 20.",
        does="Treats the group's percentages as invalid and keeps the last valid split untouched.",
        fix="Set the annotation serving.kserve.io/canaryTrafficPercent on every member; a member without "
        'traffic gets "0". With weightsFrom: Spec, list every member under spec.members.',
        example=dedent("""\
            metadata:
              name: mnist-v2
              labels:
                serving.kserve.io/model-tag: mnist
              annotations:
                serving.kserve.io/canaryTrafficPercent: "0"
            """),
    ),
    Rule(
        "MSP105",
        Severity.WARNING,
        "a group has one member; its percentage is ignored",
        why="A single member answers everything, whatever its percentage says. A number below 100 is "
        "usually the trace of a second member that was forgotten, mistyped or deleted.",
        does="Gives the member all traffic of the group.",
        fix="Set the percentage to 100 or remove it, or add the missing member.",
    ),
    Rule(
        "MSP106",
        Severity.ERROR,
        "a weight is set in the ModelSplit and in the annotation, and they differ",
        why="Two places claim the same number. Whoever edits the other one would see no effect.",
        does="Does not choose between them: the group's percentages count as invalid and the last valid "
        "split keeps serving.",
        fix="Keep one place. With weightsFrom: Spec, remove the canaryTrafficPercent annotation from the "
        "members; with weightsFrom: Annotations, remove the weights from spec.members.",
    ),
    Rule(
        "MSP107",
        Severity.WARNING,
        "a member is not ready and gets no new traffic",
        why="A model that is not loaded answers with errors. Raising its share would turn a rollout into an "
        "outage.",
        does="Never raises the member above the share it has now. What it may not get stays where the "
        "traffic is until the member is Ready.",
        fix="See why the model does not load: `kubectl describe inferenceservice NAME` and the logs of its "
        "runtime. Files without a status say nothing about readiness and count as ready.",
    ),
    Rule(
        "MSP108",
        Severity.ERROR,
        "a ModelSplit names a member that does not exist",
        why="A route to an InferenceService that is not there answers every request with an error.",
        does="Does not route to it and does not change the group. A ModelSplit whose modelTag nobody carries "
        "makes no group at all.",
        fix="Correct the name in spec.members, add the InferenceService to the input, or remove the entry "
        "and give its weight to another member.",
        example=dedent("""\
            spec:
              weightsFrom: Spec
              members:
              - {name: scorer-blue, weight: 90}     # an InferenceService of this namespace
              - {name: scorer-green, weight: 10}
            """),
    ),
    Rule(
        "MSP109",
        Severity.WARNING,
        "a member left while the others do not add up to 100",
        why="When a member is deleted or loses its tag, its share must not go on to a model that is gone, "
        "and the remaining percentages alone are not a valid split.",
        does="Lets the survivors take the traffic in proportion to what they have, until the percentages are "
        "valid again.",
        fix="Set the percentages of the remaining members so that they add up to 100.",
    ),
    Rule(
        "MSP110",
        Severity.ERROR,
        "the stable member is unknown",
        why="A rollout starts with all traffic on the stable member and compares every other member with "
        "it. Without knowing which one that is, there is no safe split to start from.",
        does="Does not change the group: what is already being served goes on being served. Where nothing "
        "is, no routes are written.",
        fix="Set spec.stableMember of the ModelSplit to a member of the group, or render the end of the "
        "rollout with `--weights target`.",
        example=dedent("""\
            spec:
              modelTag: mnist
              stableMember: mnist-v1
              strategy:
                canary: {stepWeights: [5, 10, 25, 50]}
            """),
    ),
)
