"""The schema of a DistributedInferenceService, serving.kserve.io/v1alpha1.

The kind is KServe's proposal of 2025, of which no controller was published. Its own examples spell the
template `inferenservice`; both spellings are read.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from meshsplit.api.fields import MAX_TEXT, Domain, Duration, Token, Word
from meshsplit.api.names import LABEL_VALUE, MAX_LABEL_VALUE, QUALIFIED_NAME, matches
from meshsplit.api.problems import Problem, to_problems
from meshsplit.api.rules import INGRESS_CANARY, NO_ROOM, NO_TEMPLATE, ONE_TEMPLATE
from meshsplit.api.status import MAX_CONDITIONS, ConditionStatus
from meshsplit.api.strategy import Analysis, Canary
from meshsplit.api.structural import INT_OR_STRING, keyed_by
from meshsplit.api.wire import Matching, Metadata, NullIsAbsent, StrictWire, Time, Wire, want
from meshsplit.diagnostics import Finding, ObjectRef

API_VERSION = "serving.kserve.io/v1alpha1"
KIND = "DistributedInferenceService"

MAX_REPLICAS = 1000
"""Every replica is an InferenceService of its own."""
MAX_VERSIONS = 16
"""Versions at one time: the one that serves, the next, and those that are going."""
MAX_LABELS = 64
MAX_ANNOTATION = 16_384
"""Characters of one annotation; Kubernetes allows 256 KiB for all of an object together."""
MAX_DEADLINE_SECONDS = 86_400
MAX_DRAIN_SECONDS = 3_600

_ONE_AFFINITY = "sessionAffinity: set exactly one of none, cookie, header, sourceIp"
_PERCENT = r"(?:100|[1-9]?[0-9])%"
_MAX_KEY = 317
"""A prefix of 253 characters, a slash and a name of 63 (Kubernetes IsQualifiedName)."""


def _check_share(value: int | str) -> int | str:
    fits = 0 <= value <= MAX_REPLICAS if isinstance(value, int) else matches(value, (_PERCENT,))
    if not fits:
        raise want(f'a number of replicas from 0 to {MAX_REPLICAS} or a percentage such as "25%"')
    return value


Share = Annotated[
    int | str,
    AfterValidator(_check_share),
    WithJsonSchema(
        {
            INT_OR_STRING: True,
            "minimum": 0,
            "maximum": MAX_REPLICAS,
            "maxLength": len("100%"),
            "pattern": f"^{_PERCENT}$",
        }
    ),
]
"""Of the replicas: a number, or a percentage in quotes."""
Key = Annotated[str, Field(max_length=_MAX_KEY), Matching("a key such as example.com/name", QUALIFIED_NAME)]
LabelValue = Annotated[
    str, Field(max_length=MAX_LABEL_VALUE), Matching("the value of a label", f"(?:{LABEL_VALUE})?")
]
Replicas = Annotated[int, Field(ge=0, le=MAX_REPLICAS)]
Version = Annotated[int, Field(ge=1)]
Template = Annotated[
    dict[str, Any],
    Field(
        description="The spec of a v1beta1 InferenceService; KServe checks what is in it. A change is a new "
        "version."
    ),
]


class RollingUpdate(StrictWire):
    """How many InferenceServices may be missing or extra while versions change."""

    max_unavailable: Annotated[
        Share | None,
        Field(description='How many may be missing, a number or such as "25%"; 0 when left out.'),
    ] = None
    max_surge: Annotated[
        Share | None,
        Field(
            description="How many there may be above replicas; 100% when left out, a whole version. All of "
            "the next version but maxUnavailable have to be there and ready before it serves."
        ),
    ] = None


class DeploymentStrategy(StrictWire):
    """How one version takes over from the one before; Canary goes by evidence, as a ModelSplit does.

    `canary` and `analysis` are handed to that ModelSplit as they are.
    """

    type: Annotated[
        Literal["RollingUpdate", "Recreate", "Canary"],
        Field(
            description="RollingUpdate builds the next version beside the one that serves and then switches; "
            "Recreate removes that one first; Canary goes over step by step."
        ),
    ] = "RollingUpdate"
    rolling_update: RollingUpdate | None = None
    canary: Canary | None = None
    analysis: Analysis | None = None


class StickyCookie(StrictWire):
    """The cookie that keeps a client on one replica."""

    name: Annotated[Token | None, Field(description="Its name; meshsplit-<name> when left out.")] = None
    ttl: Annotated[
        Duration | None, Field(description="How long it is kept; until the client closes when left out.")
    ] = None


class ReplicaAffinity(StrictWire):
    """How one client keeps one replica: exactly one of the four.

    Left out, it is a cookie where there are two replicas or more.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    none: Annotated[Literal[True] | None, Field(description="Any replica answers.")] = None
    cookie: StickyCookie | None = None
    header: Annotated[
        Token | None, Field(description="A header that clients send, each with a value of its own.")
    ] = None
    source_ip: Annotated[Literal[True] | None, Field(description="By the address of the client.")] = None


class DistributedInferenceServiceSpec(StrictWire):
    """A model that runs as several InferenceServices behind one name, replaced version by version."""

    replicas: Annotated[
        int, Field(ge=0, le=MAX_REPLICAS, description="InferenceServices of the version that serves.")
    ] = 1
    labels: Annotated[
        dict[Key, LabelValue],
        Field(
            max_length=MAX_LABELS, description="Labels of every InferenceService; a change is a new version."
        ),
        NullIsAbsent,
    ] = Field(default_factory=dict)
    annotations: Annotated[
        dict[Key, Annotated[str, Field(max_length=MAX_ANNOTATION)]],
        Field(
            max_length=MAX_LABELS,
            description="Annotations of every InferenceService; a change is a new version.",
        ),
        NullIsAbsent,
    ] = Field(default_factory=dict)
    deployment_strategy: DeploymentStrategy | None = None
    inference_service: Template | None = None
    inferenservice: Annotated[
        Template | None, Field(description="The same as inferenceService, as the kind was first written.")
    ] = None
    session_affinity: ReplicaAffinity | None = None
    exposure: Annotated[
        Literal["VirtualService", "Ingress"], Field(description="Which object brings traffic in.")
    ] = "VirtualService"
    domain: (
        Annotated[
            Domain,
            Field(description="Completes the host <name>-<namespace>.; left out, the settings decide."),
        ]
        | None
    ) = None
    progress_deadline_seconds: Annotated[
        int,
        Field(ge=1, le=MAX_DEADLINE_SECONDS, description="Seconds that a new version may take to be ready."),
    ] = 600
    drain_seconds: Annotated[
        int, Field(ge=0, le=MAX_DRAIN_SECONDS, description="Seconds that a version stays without requests.")
    ] = 30

    @property
    def template(self) -> Mapping[str, Any]:
        """The InferenceService's spec, from whichever spelling was used; empty when neither was."""
        return self.inference_service or self.inferenservice or {}


class Address(Wire):
    """Where callers inside the cluster find the current version."""

    url: Annotated[str, Field(max_length=MAX_TEXT)] = ""


class VersionStatus(Wire):
    """One version that has objects; `template` is a digest of what its InferenceServices are made from."""

    version: Version
    template: Word
    phase: Literal["Building", "Serving", "Draining", "Removing"]
    since: Time
    replicas: Replicas = 0
    ready_replicas: Replicas = 0


class DistributedInferenceServiceStatus(Wire):
    """What runs. `desiredReplicas` is what the spec asks for, `replicas` what exists of the current version.

    `url` never changes between versions; `address.url` is the current version's own. `lastVersion` is the
    highest number that was ever given.
    """

    observed_generation: int = 0
    url: Word = ""
    address: Address | None = None
    replicas: Replicas = 0
    ready_replicas: Replicas = 0
    desired_replicas: Replicas = 0
    current_version: Version | None = None
    prev_version: Version | None = None
    last_version: Annotated[int, Field(ge=0)] = 0
    versions: Annotated[
        list[VersionStatus], Field(max_length=MAX_VERSIONS, json_schema_extra=keyed_by("version"))
    ] = Field(default_factory=list)
    conditions: Annotated[
        list[ConditionStatus], Field(max_length=MAX_CONDITIONS, json_schema_extra=keyed_by("type"))
    ] = Field(default_factory=list)

    def condition(self, kind: str) -> ConditionStatus | None:
        """The condition of that type, if it is there."""
        return next((condition for condition in self.conditions if condition.type == kind), None)


class DistributedInferenceService(StrictWire):
    """One document of kind DistributedInferenceService; `status` is the controller's and not read here."""

    api_version: Literal["serving.kserve.io/v1alpha1"]
    kind: Literal["DistributedInferenceService"]
    metadata: Metadata
    spec: DistributedInferenceServiceSpec
    status: Any = None


def to_disvc(body: Mapping[str, Any]) -> DistributedInferenceService | tuple[Finding, ...]:
    """Read a document of the kind, or say with MSP009 everything that its schema and its rules object to."""
    try:
        found = DistributedInferenceService.model_validate(dict(body))
    except ValidationError as error:
        return _to_findings(body, to_problems(error, DistributedInferenceService))
    return _to_findings(body, find_problems(found.spec)) or found


def find_problems(spec: DistributedInferenceServiceSpec) -> tuple[Problem, ...]:
    """What breaks the rules that span fields, in the words of the CRD's CEL rules where it has them."""
    given = [spec.inference_service is not None, spec.inferenservice is not None]
    rolling = spec.deployment_strategy.rolling_update if spec.deployment_strategy else None
    problems = []
    if all(given):
        problems.append(Problem(("spec",), ONE_TEMPLATE, "remove inferenservice"))
    if not any(given):
        problems.append(Problem(("spec",), NO_TEMPLATE, "add spec.inferenceService"))
    if rolling and rolling.max_surge in (0, "0%") and rolling.max_unavailable in (0, "0%"):
        path = ("spec", "deploymentStrategy", "rollingUpdate")
        problems.append(Problem(path, NO_ROOM, "set maxSurge to 1"))
    if spec.deployment_strategy and spec.deployment_strategy.type == "Canary" and spec.exposure == "Ingress":
        problems.append(Problem(("spec", "exposure"), INGRESS_CANARY, "set exposure to VirtualService"))
    if spec.session_affinity is not None and len(spec.session_affinity.model_dump(exclude_none=True)) != 1:
        problems.append(Problem(("spec", "sessionAffinity"), _ONE_AFFINITY, "keep one of the four"))
    return tuple(problems)


def _to_findings(body: Mapping[str, Any], problems: tuple[Problem, ...]) -> tuple[Finding, ...]:
    metadata = body["metadata"]
    ref = ObjectRef(KIND, metadata.get("namespace") or "", metadata["name"])
    return tuple(Finding("MSP009", p.message, ref, p.path, fix=p.fix) for p in problems)
