"""MSP6xx: living beside Argo CD and Flux."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

GITOPS = (
    Rule(
        "MSP601",
        Severity.WARNING,
        "a generated object carries an Argo CD tracking label",
        why="Argo CD prunes what carries its tracking label or annotation and is not in git. A generated "
        "VirtualService that was given one, usually by a blanket label transformer, is deleted at the "
        "next sync.",
        does="Never copies labels or annotations from members to generated objects, and reports one that is "
        "there.",
        fix="Remove app.kubernetes.io/instance and argocd.argoproj.io/tracking-id from the object, and keep "
        "generated objects out of the Application.",
    ),
    Rule(
        "MSP602",
        Severity.WARNING,
        "git sets weights on a generated VirtualService",
        why="Two writers for one number: at every sync the weights in git replace the split of the group, "
        "and the other way round.",
        does="Reads the object as one of its own and writes the group's split over it.",
        fix="Remove the generated VirtualService from git. To keep hosts, timeouts and retries in git, use "
        "spec.routing.mode: Delegate and keep only the root there.",
        example=dedent("""\
            # in git: the root
            http:
            - delegate: {name: mnist-splitting, namespace: models}
            """),
    ),
    Rule(
        "MSP603",
        Severity.NOTE,
        "a Flux Kustomization waits shorter than the rollout",
        why="With wait: true Flux waits for every object to become ready and fails the Kustomization at its "
        "timeout, even when a rollout is only walking its steps.",
        does="Nothing yet: no rollout is walked by this version.",
        fix="Raise the Kustomization's timeout above the length of the rollout.",
        raised=False,
    ),
)
