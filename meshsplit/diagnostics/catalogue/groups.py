"""MSP2xx: what makes a group, and what its members must have in common."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

GROUPS = (
    Rule(
        "MSP201",
        Severity.ERROR,
        "model-tag is used as an annotation",
        why="Groups are found by label. An annotation of the same name groups nothing, so the split would "
        "silently not exist. (The group's generated VirtualService does carry it as an annotation; "
        "members do not.)",
        does="Ignores the annotation: the InferenceService is not a member of any group.",
        fix="Move serving.kserve.io/model-tag from metadata.annotations to metadata.labels. "
        "canaryTrafficPercent stays an annotation.",
        example=dedent("""\
            metadata:
              labels:
                serving.kserve.io/model-tag: mnist
              annotations:
                serving.kserve.io/canaryTrafficPercent: "80"
            """),
    ),
    Rule(
        "MSP202",
        Severity.WARNING,
        "groups in different namespaces share a name",
        why="A group is a tag in a namespace: members never come from two namespaces. REST paths contain "
        "the namespace and are safe, but the gRPC key mm-vmodel-id does not (see MSP211).",
        does="Treats them as separate groups.",
        fix="Nothing, if separate groups are meant. Otherwise move the members into one namespace, or "
        "rename one group.",
    ),
    Rule(
        "MSP203",
        Severity.ERROR,
        "model-tag equals the name of an InferenceService",
        why="Requests to /v2/models/<name> would match both the group and the model. Istio serves whichever "
        "VirtualService is older, without a word.",
        does="Refuses the group; the InferenceService keeps its own route. What the group already serves is "
        "not changed.",
        fix='Rename the tag on every member, for example "mnist-group", and tell the clients of the group.',
        example=dedent("""\
            metadata:
              name: mnist                                # an InferenceService
              labels:
                serving.kserve.io/model-tag: mnist-group   # not "mnist"
            """),
    ),
    Rule(
        "MSP204",
        Severity.ERROR,
        "two groups claim the same host and path",
        why="A group on a host of its own takes every path there, so nothing else can be on that host; and "
        "a group can follow only one ModelSplit. Istio would serve whichever object is older, without a "
        "word.",
        does="The older one keeps the host or the group (the first by name where the input has no creation "
        "times). The other is refused; what it already serves is not changed.",
        fix="Give each group a host of its own, or remove the ModelSplit that repeats the group.",
        example=dedent("""\
            spec:
              routing:
                hosts: ["{group}.models.example.com"]
            """),
    ),
    Rule(
        "MSP205",
        Severity.NOTE,
        "members of a group declare different model formats or protocols",
        why="Members need not share a format or a runtime, but every client of the group must get along "
        "with every member: the same inputs, the same outputs, the same protocol version.",
        does="Splits the group as asked.",
        fix="Send one real request to each member under its own name and compare the answers. Silence the "
        "note when they agree.",
    ),
    Rule(
        "MSP206",
        Severity.NOTE,
        "more than 200 groups share one host",
        why="Envoy tries the routes of a host one after the other, so the last of many groups pays for all "
        "others: 0.3 ms of gateway CPU per request with 10 groups on a host, 2.2 ms with 1,000, 9 ms "
        "with 5,000 (measured, two members, gRPC and REST). Hosts themselves are found by hash and cost "
        "nothing.",
        does="Writes the routes as asked and says what a request to the last group costs.",
        fix="Spread the groups over hosts with a template that contains {namespace} or {group}: in the "
        "settings, or in the annotation meshsplit.dev/hosts of a Namespace. With 50 groups a host, "
        "5,000 groups cost 0.51 ms per request.",
        example=dedent("""\
            apiVersion: cli.meshsplit.dev/v1alpha1
            kind: Settings
            routing:
              hosts: ["{namespace}.models.example.com"]
            """),
    ),
    Rule(
        "MSP207",
        Severity.NOTE,
        "members of a group have no shared served model name",
        why="REST paths contain the model's name and are rewritten per member. OpenAI and gRPC requests "
        "name the model in the body, which a gateway cannot rewrite: a request that says mnist-v1 and "
        "lands on mnist-v2 is answered with 'model not found'.",
        does="On a host of its own: rewrites /v1/models and /v2/models paths per member, and splits "
        "everything else by plain weights. With routing.rest: Weighted nothing is rewritten at all.",
        fix="Give all members the same served name (--model_name=<group>, or MLSERVER_MODEL_NAME), or use "
        "only the rewritten paths.",
        example=dedent("""\
            spec:
              predictor:
                model:
                  modelFormat: {name: huggingface}
                  args: ["--model_name=chat"]      # the same on every member
            """),
    ),
    Rule(
        "MSP208",
        Severity.ERROR,
        "a member's runtime is not exposed (enable-route)",
        why="In ModelMesh mode a model may be reached through the gateway only if its runtime says so. A "
        "split that contains an unexposed member would lead around that decision.",
        does="Writes no routes for the group, and withdraws those that exist: every member must be routable.",
        fix='Annotate the ServingRuntime with enable-route: "true", or set requireEnableRoute: false in the '
        "settings if runtimes are exposed by default in your installation.",
        example=dedent("""\
            apiVersion: serving.kserve.io/v1alpha1
            kind: ServingRuntime
            metadata:
              name: mlserver-1.x
              annotations:
                enable-route: "true"
            """),
    ),
    Rule(
        "MSP209",
        Severity.ERROR,
        "no runtime serves a member",
        why="ModelMesh loads a model into a multi-model runtime that supports its format. Without one there "
        "is nothing to route to, and whether the model may be exposed (enable-route) cannot be known.",
        does="Writes no routes for the group, and withdraws those that exist. Searched are the named runtime "
        "(spec.predictor.model.runtime), first in the namespace, then cluster-wide; without a name, the "
        "enabled multi-model runtimes that list the format with autoSelect: true. A runtime that is in "
        "the input but cannot be read does not withdraw anything.",
        fix="Add the ServingRuntime or ClusterServingRuntime to the input, correct the name in "
        "spec.predictor.model.runtime, or enable the runtime.",
    ),
    Rule(
        "MSP210",
        Severity.NOTE,
        "a model is not exposed at the gateway",
        why="Its runtime does not carry enable-route, so the model gets no route of its own. That is often "
        "meant: many models are only called from inside the cluster.",
        does="Writes no VirtualService for the model.",
        fix='Annotate the ServingRuntime with enable-route: "true" if clients outside should reach the '
        "model.",
    ),
    Rule(
        "MSP211",
        Severity.ERROR,
        "the gRPC key of a group or model is already taken",
        why="A gRPC request says which model it wants only in the header mm-vmodel-id, and that header has "
        "no namespace. Two groups or models of one name on one gateway cannot be told apart.",
        does="The older one keeps the key (the first by namespace where the input has no creation times). "
        "The younger one gets no gRPC route; its REST routes contain the namespace and work.",
        fix="Rename the younger one, give each namespace a host with a template that contains {namespace} "
        "(see MSP206), or switch gRPC off for the group with spec.routing.protocols: [http].",
    ),
    Rule(
        "MSP212",
        Severity.ERROR,
        "the name of a group's VirtualService is an InferenceService's name",
        why="A group's VirtualService is called <group>-splitting and a model's is called like the model. "
        "An InferenceService of the name <group>-splitting would need the same object, and each write "
        "would destroy the other's routes.",
        does="Refuses the younger of the two; the older one keeps its routes.",
        fix="Rename the group or the InferenceService.",
    ),
    Rule(
        "MSP213",
        Severity.NOTE,
        "members of a group have different deployment modes",
        why="ModelMesh, Standard and Knative members sit behind different hosts and ports. The split works, "
        "but readiness, scaling and metrics differ per member, so comparing them compares platforms "
        "too.",
        does="Routes to each member at its own backend.",
        fix="Nothing, if you are moving models from one mode to another. Otherwise set the annotation "
        "serving.kserve.io/deploymentMode to the same value on all members.",
    ),
    Rule(
        "MSP214",
        Severity.ERROR,
        "a group's name cannot be used",
        why="The name becomes part of a URL path, a label value (at most 63 characters) and of the name "
        "<group>-splitting, which must be a DNS name. Anything else is refused by the API server or by "
        "Istio.",
        does="Writes no routes for the group.",
        fix="Use lower-case letters, digits and '-', starting and ending with a letter or digit, at most 63 "
        "characters.",
        example=dedent("""\
            serving.kserve.io/model-tag: Mnist_Group    # wrong
            serving.kserve.io/model-tag: mnist-group    # right
            """),
    ),
    Rule(
        "MSP215",
        Severity.ERROR,
        "plain weights need members that serve one name",
        why="routing.rest: Weighted rewrites no path per member. A member that does not serve the "
        "name in the path would answer 404 to its share of the requests.",
        does="Writes SingleHop routes for the group instead, which serve every member under its own name.",
        fix="Set routing.rest: SingleHop, or start every member with --model_name=<group>.",
    ),
    Rule(
        "MSP216",
        Severity.WARNING,
        "requests cannot be copied to the member that mirror names",
        why="A copy carries the path that was rewritten for the member that answers. A member of another "
        "name, or one behind ModelMesh's shared Service or a Host header, would not know what it is asked.",
        does="Copies nothing. The rollout goes on as if mirror were not set.",
        fix="Remove strategy.canary.mirror, or start every member with --model_name=<group> on a Service of "
        "its own.",
    ),
)
