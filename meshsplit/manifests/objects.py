"""From plain values to Kubernetes objects: what counts as one, Lists taken apart, strings that must be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshsplit.diagnostics import FieldPath, Finding, ObjectRef
from meshsplit.manifests.document import Document, place, position_at
from meshsplit.manifests.syntax import NOT_AN_OBJECT, WRONG_TYPE, Parsed, Problem, describe, format_path

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterIssuer",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterServingRuntime",
        "ClusterStorageContainer",
        "CustomResourceDefinition",
        "FlowSchema",
        "GatewayClass",
        "IngressClass",
        "LocalModelCache",
        "LocalModelNode",
        "LocalModelNodeGroup",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)
"""Kinds without a namespace: Kubernetes' own, KServe's, and neighbours that sit in the same files."""

CHECKED_KINDS = frozenset(
    {"ClusterServingRuntime", "InferenceService", "ModelSplit", "Namespace", "ServingRuntime"}
)
"""Kinds whose labels and annotations are read later on; other kinds pass without a word."""

PERCENT_ANNOTATION = "serving.kserve.io/canaryTrafficPercent"
"""Whoever reads percentages judges this value, its type included, so that it is reported once."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a parsed document is from, and the namespace of objects that name none."""

    file: str
    default_namespace: str
    parsed: Parsed

    def finding(
        self,
        code: str,
        message: str,
        fix: str,
        index: int,
        ref: ObjectRef | None = None,
        path: FieldPath = (),
    ) -> Finding:
        """A finding at `index` of the document's text."""
        position = position_at(self.file, self.parsed.first_line, self.parsed.text, index)
        return Finding(code, message, object=ref, path=path, fix=fix, position=position)


def read_objects(origin: Origin) -> Iterator[Document | Finding]:
    """Every Kubernetes object of one parsed document, and one finding for each thing that is none."""
    parsed = origin.parsed
    if parsed.value is not None or parsed.problems:
        yield from _objects(origin, parsed.value, (), parsed.problems)


def _objects(
    origin: Origin, value: Any, item: FieldPath, problems: Sequence[Problem]
) -> Iterator[Document | Finding]:
    items = _items(value)
    own, by_element = _by_element(problems, item, items is not None)
    fatal = [problem for problem in own if problem.code != WRONG_TYPE]
    if fatal:
        yield _problem_finding(origin, fatal)
    elif items is None:
        yield from _object(origin, value, item, own)
    else:
        for at, element in enumerate(items):
            element_path = (*item, "items", at)
            yield from _objects(origin, _with_kind(element, value), element_path, by_element.get(at, ()))


def _by_element(
    problems: Sequence[Problem], item: FieldPath, is_list: bool
) -> tuple[list[Problem], dict[int, list[Problem]]]:
    """Problems of the value at `item` itself, and those of a List's elements by index."""
    own: list[Problem] = []
    by_element: dict[int, list[Problem]] = {}
    for problem in problems:
        match problem.path[len(item) :]:
            case ("items", int(at), *_) if is_list:
                by_element.setdefault(at, []).append(problem)
            case _:
                own.append(problem)
    return own, by_element


def _items(value: Any) -> list[Any] | None:
    """Elements of a `kind: List` or any other `*List`; None for everything else."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind.endswith("List"):
        return None
    items = value.get("items")
    if kind == "List" and items is None:
        return []
    return items if isinstance(items, list) else None


def _with_kind(element: Any, parent: Mapping[str, Any]) -> Any:
    """Elements of a typed list may leave out what the list's own kind says, as kubectl reads them."""
    if not isinstance(element, dict) or "kind" in element or parent["kind"] == "List":
        return element
    kind = parent["kind"].removesuffix("List")
    return {"apiVersion": parent.get("apiVersion"), "kind": kind, **element}


def _problem_finding(origin: Origin, problems: list[Problem]) -> Finding:
    first = problems[0]
    more = f" ({len(problems) - 1} more in this object)" if len(problems) > 1 else ""
    return origin.finding(first.code, first.message + more, first.fix, first.index)


def _object(
    origin: Origin, value: Any, item: FieldPath, odd_keys: Sequence[Problem]
) -> Iterator[Document | Finding]:
    refusal = _refusal(value)
    if refusal is not None:
        path, message, fix = refusal
        index, written = place(origin.parsed.text, (*item, *path))
        yield origin.finding(NOT_AN_OBJECT, message, fix or _quote(written), index)
        return
    kind, metadata = value["kind"], value["metadata"]
    namespace = "" if kind in CLUSTER_SCOPED else metadata.get("namespace") or origin.default_namespace
    if namespace:
        value = {**value, "metadata": {**metadata, "namespace": namespace}}
    document = Document(
        ref=ObjectRef(kind, namespace, metadata["name"]),
        body=value,
        file=origin.file,
        first_line=origin.parsed.first_line,
        text=origin.parsed.text,
        item=item,
    )
    yield document
    if kind in CHECKED_KINDS:
        for odd in odd_keys:
            path = odd.path[len(item) :]
            yield origin.finding(odd.code, odd.message, odd.fix, odd.index, document.ref, path)
        yield from _string_findings(origin, document)


def _refusal(value: Any) -> tuple[FieldPath, str, str] | None:
    """Why a value is no Kubernetes object: the field to look at, the fact, the fix ("": to quote it)."""
    if not isinstance(value, dict):
        fix = "write a mapping with apiVersion, kind and metadata.name, or several as a kind: List"
        return (), f"not a Kubernetes object: found {describe(value)}", fix
    metadata = value.get("metadata")
    if not isinstance(metadata, dict | None):
        message = f"metadata is {describe(metadata)}, not a mapping"
        return ("metadata",), message, "write metadata.name under it"
    return _naming_refusal(value, metadata or {})


def _naming_refusal(
    value: Mapping[str, Any], metadata: Mapping[str, Any]
) -> tuple[FieldPath, str, str] | None:
    required: dict[FieldPath, Any] = {
        ("apiVersion",): value.get("apiVersion"),
        ("kind",): value.get("kind"),
        ("metadata", "name"): metadata.get("name"),
    }
    missing = [path for path, field in required.items() if field in (None, "")]
    if missing == [("metadata", "name")] and metadata.get("generateName"):
        message = "metadata.generateName without metadata.name: only a server could complete the name"
        return ("metadata", "generateName"), message, "give the object a metadata.name"
    if missing:
        names = [format_path(path) for path in missing]
        return missing[0], f"not a Kubernetes object: no {', no '.join(names)}", f"add {', '.join(names)}"
    for path, field in {**required, ("metadata", "namespace"): metadata.get("namespace")}.items():
        if not isinstance(field, str | None):
            fix = "write a string" if isinstance(field, dict | list) else ""
            return path, f"{format_path(path)} is {describe(field)}, not a string", fix
    return None


def _string_findings(origin: Origin, document: Document) -> Iterator[Finding]:
    """Labels and annotations whose values the API server refuses: everything but strings and null."""
    for name in ("annotations", "labels"):
        entries = document.body["metadata"].get(name)
        if not isinstance(entries, dict | None):
            yield _wrong_type(origin, document, ("metadata", name), entries, "a mapping of strings")
            continue
        for key, value in (entries or {}).items():
            judged_later = name == "annotations" and key == PERCENT_ANNOTATION
            if not isinstance(value, str | None) and not judged_later:
                yield _wrong_type(origin, document, ("metadata", name, key), value, "a string")


def _wrong_type(origin: Origin, document: Document, path: FieldPath, value: Any, wanted: str) -> Finding:
    index, written = place(document.text, (*document.item, *path))
    fix = _quote(written) if written and wanted == "a string" else f"write {wanted}"
    message = f"{format_path(path)} is {describe(value)}, not {wanted}"
    return origin.finding(WRONG_TYPE, message, fix, index, document.ref, path)


def _quote(written: str | None) -> str:
    return f'quote it: "{written}"'
