"""Everything that was read from the input, by kind and name, and what could not be read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from meshsplit.api import modelsplit
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.kserve import keys
from meshsplit.kserve.decode import Body, ref_of, to_inference_service, to_namespace, to_serving_runtime
from meshsplit.kserve.modelsplits import UnreadableSplit, to_split_request
from meshsplit.kserve.objects import InferenceService, NamespaceObject, ServingRuntime, SplitRequest
from meshsplit.model import GroupKey, Settings

_Object = TypeVar("_Object")


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


def observe(bodies: Iterable[Body], settings: Settings) -> Observed:
    """Read the objects that matter here; every other kind is skipped without a word."""
    observed = Observed()
    for body in bodies:
        group = str(body["apiVersion"]).rpartition("/")[0]
        match group, body["kind"]:
            case (keys.KSERVE_GROUP, "InferenceService"):
                _add_service(observed, body, settings)
            case (keys.KSERVE_GROUP, "ServingRuntime" | "ClusterServingRuntime"):
                _add(observed, observed.runtimes, body, to_serving_runtime)
            case ("", "Namespace"):
                _add(observed, observed.namespaces, body, to_namespace)
            case (modelsplit.API_GROUP, modelsplit.KIND):
                split, findings = to_split_request(body)
                _keep(observed.splits, split.ref, split)
                observed.findings += findings
    return observed


def _add(
    observed: Observed,
    kept: dict[ObjectRef, _Object],
    body: Body,
    read: Callable[[Body], _Object | Finding],
) -> None:
    found = read(body)
    if isinstance(found, Finding):
        observed.findings.append(found)
        _keep(observed.malformed, ref_of(body), found)
    else:
        _keep(kept, ref_of(body), found)


def _add_service(observed: Observed, body: Body, settings: Settings) -> None:
    _add(observed, observed.services, body, lambda b: to_inference_service(b, settings))
    ref = ref_of(body)
    tag = _raw_tag(body)
    if ref in observed.malformed and tag:
        _keep(observed.broken_groups, GroupKey(ref.namespace, tag), observed.malformed[ref])


def _raw_tag(body: Body) -> str | None:
    labels = body["metadata"].get("labels")
    tag = labels.get(keys.MODEL_TAG) if isinstance(labels, Mapping) else None
    return tag if isinstance(tag, str) else None


def _keep(kept: dict[Any, Any], key: object, value: object) -> None:
    """Of two objects with one name keep the same one whatever their order."""
    kept[key] = min(kept[key], value, key=repr) if key in kept else value
