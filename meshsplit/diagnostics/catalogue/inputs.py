"""MSP0xx: reading files and objects."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

INPUTS = (
    Rule(
        "MSP001",
        Severity.ERROR,
        "a document is not valid YAML or JSON",
        why="A document that cannot be parsed may hold a member, a runtime or a Namespace that decides how "
        "a group is routed. kubectl refuses such a file as well.",
        does="Reports the line and column at which the parser gave up, leaves out what cannot be read, and "
        "goes on with the next document or file.",
        fix="Correct the text at that place. Frequent causes are a tab used for indentation, a missing "
        "space after a colon, and an unquoted value that starts with one of * & ! % @ {.",
        example=dedent("""\
            metadata:
              name:mnist-v1        # wrong: no space after the colon
              name: mnist-v1       # right
            """),
    ),
    Rule(
        "MSP002",
        Severity.ERROR,
        "a document is not a Kubernetes object",
        why="Everything meshsplit reads is told apart by apiVersion, kind and metadata.name. A document "
        "without them cannot be attributed to a group, and kubectl would not apply it either.",
        does="Skips the document and goes on. Kinds that meshsplit does not know are no error: they are "
        "skipped in silence. A List is read as the objects it contains.",
        fix="Add apiVersion, kind and metadata.name, or keep files that are not manifests (Helm values, CI "
        "configuration) out of the folder.",
        example=dedent("""\
            apiVersion: serving.kserve.io/v1beta1
            kind: InferenceService
            metadata:
              name: mnist-v1
            """),
    ),
    Rule(
        "MSP003",
        Severity.ERROR,
        "a key is written twice in one mapping",
        why="YAML parsers keep one of the two values without a word, and not all of them keep the same one. "
        "For an annotation such as canaryTrafficPercent the reader of the file and the cluster would "
        "see different numbers.",
        does="Reports the second place and leaves out the object around it, because which of the two values "
        "was meant cannot be known.",
        fix="Delete one of the two. When both are needed, merge them into one mapping.",
        example=dedent("""\
            annotations:
              serving.kserve.io/canaryTrafficPercent: "80"
              serving.kserve.io/canaryTrafficPercent: "20"   # wrong: written twice
            """),
    ),
    Rule(
        "MSP004",
        Severity.NOTE,
        "a file holds no objects",
        why="An empty file, or one with nothing but comments, is legal, but is often a template that was "
        "not rendered or a commit that lost its content.",
        does="Notes the file and goes on.",
        fix="Delete the file, or fill it.",
    ),
    Rule(
        "MSP005",
        Severity.NOTE,
        "a file has CRLF line ends",
        why="YAML allows them, but block scalars and shell scripts inside manifests keep the carriage "
        "return, and tools that compare line by line report every line as changed.",
        does="Reads the lines as if they ended in LF; objects and places are the same.",
        fix="Convert the file to LF line ends, for example with `sed -i 's/\\r$//' FILE`, and set `text "
        "eol=lf` in .gitattributes.",
    ),
    Rule(
        "MSP006",
        Severity.ERROR,
        "the same object is in the input twice and the copies differ",
        why="An API server holds one object per kind, namespace and name. With two versions in the input, "
        "what is served would depend on the order in which files are read or applied.",
        does="Reports every place and uses one copy, chosen by its content so that the order of files does "
        "not matter. Identical copies are merged in silence.",
        fix="Delete one copy. When both are meant (a base and an overlay), run the overlay through "
        "kustomize: `meshsplit lint -k DIR`.",
    ),
    Rule(
        "MSP007",
        Severity.ERROR,
        "a field has a type or value that the API server would refuse",
        why="The object would never arrive in a cluster in this form, so anything derived from it would be "
        "a guess. A bare number or boolean where Kubernetes wants a string (annotations, labels, "
        "environment values) is the usual case: YAML turns an unquoted 80 into a number.",
        does="Reports the field and leaves the object out. A group that the object belongs to is not "
        "changed: what it serves goes on being served. A percentage of the wrong type is reported as "
        "MSP102 instead.",
        fix="Write the field as the message says. Quote numbers and booleans in labels and annotations.",
        example=dedent("""\
            metadata:
              labels:
                serving.kserve.io/model-tag: 42      # wrong: a number
                serving.kserve.io/model-tag: "42"    # right: a string
            """),
    ),
    Rule(
        "MSP008",
        Severity.NOTE,
        "a field is accepted and kept, but this version does not act on it",
        why="The schema of ModelSplit is complete so that manifests stay valid across versions, and parts "
        "of it belong to features that a later version brings. Silence would make you believe that they "
        "are in effect.",
        does="Checks the field's form, keeps it, and otherwise ignores it. The same is said of a "
        "routing.rest that has no shape where the group lives: the shape that is used instead is named.",
        fix="Nothing to do, as long as you know that the field has no effect yet. Remove it if you rely on "
        "it.",
    ),
    Rule(
        "MSP009",
        Severity.ERROR,
        "a ModelSplit or a DistributedInferenceService is invalid",
        why="A ModelSplit says how a group is routed and, with weightsFrom: Spec, how it is split; a "
        "DistributedInferenceService says what runs. An invalid one cannot be honoured in part: half of an "
        "intention is another intention.",
        does="Reports every wrong field with what was expected there, and does not change the group that the "
        "ModelSplit names, or what the DistributedInferenceService has made.",
        fix="Correct the field. `meshsplit explain modelsplit.spec` and `kubectl explain disvc.spec` list "
        "every field with its type.",
        example=dedent("""\
            apiVersion: meshsplit.dev/v1alpha1
            kind: ModelSplit
            metadata: {name: scorer, namespace: fraud}
            spec:
              weightsFrom: Spec
              members:
              - {name: scorer-blue, weight: 100}
              - {name: scorer-green, weight: 0}
            """),
    ),
)
