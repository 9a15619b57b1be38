"""The mesh switch and the gateway of a namespace, in the three dialects that its keys come in."""

from collections.abc import Mapping
from dataclasses import dataclass

from meshsplit.api.names import is_dns_label, is_host, is_host_template, is_object_name
from meshsplit.api.problems import describe
from meshsplit.api.settings import LOOP_PORT
from meshsplit.diagnostics import FieldPath, Finding, ObjectRef
from meshsplit.kserve import keys
from meshsplit.kserve.objects import NamespaceObject
from meshsplit.model import Endpoint, Settings

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
"""What Go's strconv.ParseBool reads as true."""

_GATEWAY_KEYS = {
    1: (keys.GATEWAY_NAMESPACE, keys.GATEWAY_NAME),
    2: (keys.MESH_GATEWAY,),
    3: (keys.PUBLIC_GATEWAY, keys.PUBLIC_GATEWAY_HOST),
}
"""The annotations that only one dialect has; the switch is a label in dialect 1, an annotation in 2 and 3."""


@dataclass(frozen=True, slots=True)
class MeshNamespace:
    """What a namespace says about exposing its models.

    `gateway` is "namespace/name" or None, `hosts` the templates of its shared host or () when it names none.
    `switch_path` is where the switch is, or the nearest place for it. `problem` is the MSP309 that makes the
    gateway unusable.
    """

    ref: ObjectRef
    mesh_on: bool
    switch_path: FieldPath
    switch_value: str | None
    gateway: str | None
    loop: Endpoint
    hosts: tuple[str, ...]
    problem: Finding | None


def to_mesh_namespace(
    namespace: NamespaceObject, settings: Settings
) -> tuple[MeshNamespace, tuple[Finding, ...]]:
    """Read a namespace; of mixed dialects 3 wins over 2 over 1 for each thing that several of them say."""
    annotations = namespace.annotations
    switch_path, switch = _read_switch(namespace)
    dialect = max((d for d in _GATEWAY_KEYS if _names_gateway(d, annotations)), default=None)
    gateway = _read_gateway(dialect, annotations)
    host = annotations.get(keys.PUBLIC_GATEWAY_HOST)
    hosts = _read_hosts(annotations.get(keys.HOSTS))
    problems = tuple(_find_problems(namespace.ref, dialect, annotations))
    mesh = MeshNamespace(
        ref=namespace.ref,
        mesh_on=switch in _TRUE,
        switch_path=switch_path,
        switch_value=switch,
        gateway=None if problems else gateway,
        loop=Endpoint(host, LOOP_PORT) if host else settings.loop,
        hosts=() if problems else hosts,
        problem=problems[0] if problems else None,
    )
    return mesh, (*problems, *_find_mix(namespace, mesh))


def _read_switch(namespace: NamespaceObject) -> tuple[FieldPath, str | None]:
    if keys.MESH_SWITCH in namespace.annotations:
        return keys.annotation(keys.MESH_SWITCH), namespace.annotations[keys.MESH_SWITCH]
    if keys.MESH_SWITCH in namespace.labels:
        return keys.label(keys.MESH_SWITCH), namespace.labels[keys.MESH_SWITCH]
    return ("metadata",), None


def _names_gateway(dialect: int, annotations: Mapping[str, str]) -> bool:
    named = (keys.PUBLIC_GATEWAY,) if dialect == 3 else _GATEWAY_KEYS[dialect]
    return any(key in annotations for key in named)


def _read_gateway(dialect: int | None, annotations: Mapping[str, str]) -> str | None:
    if dialect is None:
        return None
    if dialect == 1:
        return f"{annotations.get(keys.GATEWAY_NAMESPACE, '')}/{annotations.get(keys.GATEWAY_NAME, '')}"
    return annotations[_GATEWAY_KEYS[dialect][0]]


def _read_hosts(listed: str | None) -> tuple[str, ...]:
    return tuple(sorted({host.strip() for host in listed.split(",")})) if listed is not None else ()


def _find_problems(ref: ObjectRef, dialect: int | None, annotations: Mapping[str, str]) -> list[Finding]:
    problems = []
    gateway = _read_gateway(dialect, annotations)
    if gateway is not None and not _is_qualified_gateway(gateway):
        key = next(key for key in _GATEWAY_KEYS[dialect or 1] if key in annotations)
        found = f"{key} is {describe(annotations[key])}"
        if dialect == 1:
            found = f"{keys.GATEWAY_NAMESPACE} and {keys.GATEWAY_NAME} give {describe(gateway)}"
        problems.append(_malformed(ref, key, found, "namespace/name", "istio-system/public-gateway"))
    host = annotations.get(keys.PUBLIC_GATEWAY_HOST)
    if host is not None and (not is_host(host) or host.startswith("*")):
        found = f"{keys.PUBLIC_GATEWAY_HOST} is {describe(host)}"
        example = "istio-ingressgateway.istio-system.svc.cluster.local"
        problems.append(_malformed(ref, keys.PUBLIC_GATEWAY_HOST, found, "a host without a port", example))
    wrong = [h for h in _read_hosts(annotations.get(keys.HOSTS)) if not is_host_template(h)]
    if wrong:
        found = f"{keys.HOSTS} names the host {describe(wrong[0])}"
        problems.append(_malformed(ref, keys.HOSTS, found, "a host", "{group}.{namespace}.example.com"))
    return problems


def _is_qualified_gateway(text: str) -> bool:
    namespace, slash, name = text.partition("/")
    return bool(slash) and is_dns_label(namespace) and is_object_name(name)


def _malformed(ref: ObjectRef, key: str, found: str, wanted: str, example: str) -> Finding:
    return Finding(
        "MSP309",
        f"namespace {ref.name}: {found}, want {wanted}",
        ref,
        keys.annotation(key),
        fix=f"write {wanted}, for example {example}",
    )


def _find_mix(namespace: NamespaceObject, mesh: MeshNamespace) -> list[Finding]:
    annotations = namespace.annotations
    used = {d: [key for key in _GATEWAY_KEYS[d] if key in annotations] for d in _GATEWAY_KEYS}
    if keys.MESH_SWITCH in namespace.labels:
        used[1].insert(0, f"the label {keys.MESH_SWITCH}")
    if keys.MESH_SWITCH in annotations and not used[3]:
        used[2].insert(0, f"the annotation {keys.MESH_SWITCH}")
    mixed = [dialect for dialect, found in used.items() if found]
    if len(mixed) < 2:
        return []
    winner = mixed[-1]
    losing = ", ".join(key for dialect in mixed[:-1] for key in used[dialect])
    return [
        Finding(
            "MSP307",
            f"namespace {mesh.ref.name} mixes mesh dialects {' and '.join(map(str, mixed))}; {winner} wins: "
            f"the mesh is {'on' if mesh.mesh_on else 'off'}, the gateway is {mesh.gateway or 'not named'}",
            mesh.ref,
            mesh.switch_path if len(mesh.switch_path) > 1 else ("metadata", "annotations"),
            fix=f"say everything in dialect {winner} and remove {losing}",
        )
    ]
