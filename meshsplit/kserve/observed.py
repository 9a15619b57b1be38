"""Everything that was read from the input, by kind and name, and what could not be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from meshsplit.api import modelsplit
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.kserve import keys
from meshsplit.kserve.decode import Body, ref_of, to_inference_service, to_namespace, to_serving_runtime
from meshsplit.kserve.modelsplits import UnreadableSplit, to_split_request
from meshsplit.kserve.objects import InferenceService, NamespaceObject, ServingRuntime, SplitRequest
from meshsplit.model import GroupKey, Settings


@dataclass(frozen=True, slots=True)
class Unread:
    """An object that could not be read, why, and the group it would belong to by its label."""

    ref: ObjectRef
    finding: Finding
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class SplitReading:
    """A ModelSplit, which names its group even when it cannot be read, and what was found in it alone."""

    split: SplitRequest | UnreadableSplit
    findings: tuple[Finding, ...]


Reading = InferenceService | ServingRuntime | NamespaceObject | SplitReading | Unread


@dataclass(slots=True)
class Observed:
    """Objects by (kind, namespace, name); `malformed` holds what was left out, with the finding that says so.

    `broken_groups` are the groups whose member was left out, with the same finding.
    """

    services: dict[ObjectRef, InferenceService] = field(default_factory=dict)
    runtimes: dict[ObjectRef, ServingRuntime] = field(default_factory=dict)
    namespaces: dict[ObjectRef, NamespaceObject] = field(default_factory=dict)
    splits: dict[ObjectRef, SplitRequest | UnreadableSplit] = field(default_factory=dict)
    malformed: dict[ObjectRef, Finding] = field(default_factory=dict)
    broken_groups: dict[GroupKey, Finding] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def live_services(self) -> list[InferenceService]:
        """The InferenceServices that are not being deleted, by namespace and name."""
        return sorted(
            (service for service in self.services.values() if not service.deleting), key=lambda s: s.ref
        )

    def add(self, reading: Reading) -> None:
        """Take one object in; of two with one name the same one is kept whatever their order."""
        match reading:
            case InferenceService():
                _keep(self.services, reading.ref, reading)
            case ServingRuntime():
                _keep(self.runtimes, reading.ref, reading)
            case NamespaceObject():
                _keep(self.namespaces, reading.ref, reading)
            case SplitReading(split, findings):
                _keep(self.splits, split.ref, split)
                self.findings += findings
            case Unread(ref, finding, tag):
                self.findings.append(finding)
                _keep(self.malformed, ref, finding)
                if tag:
                    _keep(self.broken_groups, GroupKey(ref.namespace, tag), self.malformed[ref])


def observe(bodies: Iterable[Body], settings: Settings) -> Observed:
    """Read the objects that matter here; every other kind is skipped without a word."""
    observed = Observed()
    for body in bodies:
        reading = read(body, settings)
        if reading is not None:
            observed.add(reading)
    return observed


def read(body: Body, settings: Settings) -> Reading | None:
    """Understand one object by itself; None for a kind that does not matter here."""
    group = str(body["apiVersion"]).rpartition("/")[0]
    found: InferenceService | ServingRuntime | NamespaceObject | Finding
    match group, body["kind"]:
        case (keys.KSERVE_GROUP, "InferenceService"):
            found = to_inference_service(body, settings)
        case (keys.KSERVE_GROUP, "ServingRuntime" | "ClusterServingRuntime"):
            found = to_serving_runtime(body)
        case ("", "Namespace"):
            found = to_namespace(body)
        case (modelsplit.API_GROUP, modelsplit.KIND):
            return SplitReading(*to_split_request(body))
        case _:
            return None
    return Unread(ref_of(body), found, _raw_tag(body)) if isinstance(found, Finding) else found


def _raw_tag(body: Body) -> str | None:
    """The group of an InferenceService, as far as its label can be made out."""
    if body["kind"] != "InferenceService":
        return None
    labels = body["metadata"].get("labels")
    tag = labels.get(keys.MODEL_TAG) if isinstance(labels, Mapping) else None
    return tag if isinstance(tag, str) else None


def _keep(kept: dict[Any, Any], key: object, value: object) -> None:
    """Of two objects with one name keep the same one whatever their order."""
    kept[key] = min(kept[key], value, key=repr) if key in kept else value
