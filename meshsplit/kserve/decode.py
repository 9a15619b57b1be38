"""One body in, one object out, or the finding that says why it cannot be read."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from meshsplit.api.names import MAX_PORT, is_host
from meshsplit.api.problems import Problem, describe, dotted, to_problems
from meshsplit.api.settings import DEPLOYMENT_MODES
from meshsplit.api.wire import Metadata, Wire
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.kserve import keys
from meshsplit.kserve.objects import (
    Format,
    Identity,
    InferenceService,
    NamespaceObject,
    NotText,
    ServingRuntime,
    SupportedFormat,
)
from meshsplit.kserve.schema import (
    Container,
    InferenceServiceBody,
    InferenceServiceStatus,
    NamespaceBody,
    Predictor,
    ServingRuntimeBody,
)
from meshsplit.model import DeploymentMode, Endpoint, Settings

Body = Mapping[str, Any]
_Document = TypeVar("_Document", bound=Wire)

CLUSTER_SCOPED = ("Namespace", "ClusterServingRuntime")
_URL = re.compile(r"(https?)://([a-z0-9.-]+)(?::([0-9]{1,5}))?(?:/.*)?")
_SCHEME_PORT = {"http": 80, "https": 443}
_REVISION_BYTES = 8
_write_spec = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode
_LOADED = ("Loaded", "Standby")
"""ModelMesh's states in which a request is answered; a model on standby is loaded by it."""


def ref_of(body: Body) -> ObjectRef:
    """The object's kind, namespace ("" when cluster-scoped) and name."""
    kind, metadata = body["kind"], body["metadata"]
    namespace = "" if kind in CLUSTER_SCOPED else metadata.get("namespace") or ""
    return ObjectRef(kind, namespace, metadata["name"])


def to_identity(api_version: str, ref: ObjectRef, metadata: Metadata) -> Identity:
    """Who the object is, by its metadata."""
    return Identity(api_version, ref, metadata.uid, metadata.creation_timestamp)


def to_inference_service(body: Body, settings: Settings) -> InferenceService | Finding:
    """Read an InferenceService; only its percentage may have a wrong type, which is the group's matter."""
    percent, rest = _without_percent(body)
    document = _read(rest, InferenceServiceBody)
    if isinstance(document, Finding):
        return document
    metadata, predictor = document.metadata, document.spec.predictor
    mode = _to_mode(metadata.annotations.get(keys.DEPLOYMENT_MODE), settings)
    if mode is None:
        return _unknown_mode(ref_of(body), metadata.annotations[keys.DEPLOYMENT_MODE])
    model_format, container = _implementation(predictor)
    transformer = document.spec.transformer
    return InferenceService(
        identity=to_identity(body["apiVersion"], ref_of(body), metadata),
        deleting=metadata.deletion_timestamp is not None,
        revision=_to_revision(body.get("spec")),
        tag=metadata.labels.get(keys.MODEL_TAG),
        tag_annotation=metadata.annotations.get(keys.MODEL_TAG),
        percent=percent,
        mode=mode,
        runtime=predictor.model.runtime if predictor.model else None,
        model_format=model_format,
        protocol=container.protocol_version,
        args=tuple(container.args),
        mlserver_name=_mlserver_name(container),
        transformer_args=_first_args(transformer.containers) if transformer else None,
        has_canary=document.spec.canary not in (None, [], {}),
        revision_percent=predictor.canary_traffic_percent,
        address=_to_address(document.status.address.url),
        ready=_is_ready(document.status),
    )


def to_serving_runtime(body: Body) -> ServingRuntime | Finding:
    """Read a ServingRuntime or ClusterServingRuntime."""
    document = _read(body, ServingRuntimeBody)
    if isinstance(document, Finding):
        return document
    spec = document.spec
    return ServingRuntime(
        identity=to_identity(body["apiVersion"], ref_of(body), document.metadata),
        disabled=spec.disabled,
        multi_model=spec.multi_model,
        enable_route=document.metadata.annotations.get(keys.ENABLE_ROUTE),
        formats=tuple(
            SupportedFormat(f.name, f.version, f.auto_select, f.priority)
            for f in spec.supported_model_formats
        ),
        args=_first_args(spec.containers),
        protocols=tuple(spec.protocol_versions),
        ports=tuple((p.name, p.container_port) for c in spec.containers[:1] for p in c.ports),
        server_type=document.metadata.annotations.get(keys.SERVER_TYPE),
    )


def to_namespace(body: Body) -> NamespaceObject | Finding:
    """Read a Namespace."""
    document = _read(body, NamespaceBody)
    if isinstance(document, Finding):
        return document
    return NamespaceObject(ref_of(body), document.metadata.labels, document.metadata.annotations)


def _read(body: Body, schema: type[_Document]) -> _Document | Finding:
    try:
        return schema.model_validate(dict(body))
    except ValidationError as error:
        return _left_out(ref_of(body), to_problems(error, schema)[0])


def _left_out(ref: ObjectRef, problem: Problem) -> Finding:
    return Finding(
        "MSP007", f"{problem.message}; the {ref.kind} is left out", ref, problem.path, fix=problem.fix
    )


def _without_percent(body: Body) -> tuple[str | NotText | None, Body]:
    """Take the percentage out of the annotations, so that its type does not decide about the object."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations")
    if not isinstance(annotations, Mapping) or keys.PERCENT not in annotations:
        return None, body
    raw = annotations[keys.PERCENT]
    rest = {key: value for key, value in annotations.items() if key != keys.PERCENT}
    percent = raw if raw is None or isinstance(raw, str) else NotText(describe(raw))
    return percent, {**body, "metadata": {**metadata, "annotations": rest}}


def _to_revision(spec: Any) -> str:
    text = _write_spec(spec)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_REVISION_BYTES).hexdigest()


def _to_mode(word: str | None, settings: Settings) -> DeploymentMode | None:
    return settings.default_mode if word is None else DEPLOYMENT_MODES.get(word)


def _unknown_mode(ref: ObjectRef, word: str) -> Finding:
    path = keys.annotation(keys.DEPLOYMENT_MODE)
    wanted = "ModelMesh, Standard or Knative"
    problem = Problem(path, f"{dotted(path)} is {describe(word)}, want {wanted}", f"write {wanted}")
    return _left_out(ref, problem)


def _implementation(predictor: Predictor) -> tuple[Format | None, Container]:
    """The format that the predictor declares and the container that serves it."""
    if predictor.model is not None:
        declared = predictor.model.model_format
        path = ("spec", "predictor", "model", "modelFormat")
        return (Format(declared.name, declared.version, path) if declared else None), predictor.model
    for framework, container in predictor.frameworks():
        return Format(framework, None, ("spec", "predictor", framework)), container
    return None, predictor.containers[0] if predictor.containers else Container()


def _mlserver_name(container: Container) -> str | None:
    return next((env.value for env in container.env if env.name == keys.MLSERVER_MODEL_NAME), None)


def _first_args(containers: list[Container]) -> tuple[str, ...]:
    return tuple(containers[0].args) if containers else ()


def _to_address(url: str) -> Endpoint | None:
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, host, digits = match.groups()
    port = int(digits) if digits else _SCHEME_PORT[scheme]
    return Endpoint(host, port) if is_host(host) and 1 <= port <= MAX_PORT else None


def _is_ready(status: InferenceServiceStatus) -> bool | None:
    """False when the Ready condition or the model's state says no, True when either says yes."""
    said = [condition.status == "True" for condition in status.conditions if condition.type == "Ready"]
    state = status.model_status.states.active_model_state
    if state:
        said.append(state in _LOADED)
    return all(said) if said else None
