"""Kubernetes itself, and meshsplit in it: versions, the CRD, a controller that is alive."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from meshsplit.cli.cluster import Object
from meshsplit.cli.doctor.verdict import Level, Patient, Verdict, count, ok
from meshsplit.cli.fields import field_paths
from meshsplit.cli.kinds import CRDS, LEASES, MODEL_SPLITS
from meshsplit.cli.splits import mapping, to_live_split, to_time
from meshsplit.cli.unreachable import INSTALL, INSTALL_CRDS
from meshsplit.controller.options import LEASE_NAME

MINIMUM = (1, 29)
"""The first Kubernetes whose CEL knows `format`, which our CRD's messages use (apiserver cel/environment)."""

CRD_NAME = f"{MODEL_SPLITS.plural}.{MODEL_SPLITS.group}"
CONTROLLER_LABELS = "app.kubernetes.io/name=meshsplit"
SHOWN = 3
"""Names that a line lists at most."""

CLOCK_SKEW_SECONDS = 30.0
"""This machine's clock may be off by so much before a leader that renews its Lease looks dead."""

_NUMBER = re.compile(r"\d+")


def check_kubernetes(patient: Patient) -> Iterator[Verdict]:
    """Its version, which decides whether the CRD's rules work."""
    yield judge_version(patient.cluster.read("/version"))


def judge_version(told: Mapping[str, Any]) -> Verdict:
    """Whether the server of this /version takes our CRD; clouds write a minor such as "30+"."""
    numbers = [_NUMBER.match(str(told.get(part, ""))) for part in ("major", "minor")]
    version = tuple(int(number[0]) for number in numbers if number is not None)
    name = f"Kubernetes {told.get('gitVersion') or '.'.join(map(str, version))}"
    if len(version) < len(MINIMUM):
        return Verdict(Level.UNKNOWN, "the server does not say which version of Kubernetes it is")
    if version < MINIMUM:
        wanted = ".".join(map(str, MINIMUM))
        text = f"{name} is older than {wanted}, so it refuses the rules of the ModelSplit CRD"
        return Verdict(Level.FAILURE, text, f"upgrade to {wanted} or later")
    return ok(f"{name}, which has the CEL functions of the ModelSplit CRD")


def check_crd(patient: Patient) -> Iterator[Verdict]:
    """Whether the ModelSplit CRD is there, and has the fields this client knows."""
    body = patient.cluster.find(CRDS, "", CRD_NAME)
    if body is None:
        yield Verdict(Level.FAILURE, f"the CRD {CRD_NAME} is not installed", INSTALL_CRDS)
        return
    versions = body.get("spec", {}).get("versions") or []
    served = [each for each in versions if each.get("name") == MODEL_SPLITS.version and each.get("served")]
    if not served:
        there = ", ".join(str(each.get("name")) for each in versions)
        text = f"the ModelSplit CRD does not serve {MODEL_SPLITS.version}, it has {there}"
        yield Verdict(Level.FAILURE, text, INSTALL_CRDS)
        return
    yield _compare_fields(mapping(served[0], "schema", "openAPIV3Schema", "properties", "spec"))


def check_controller(patient: Patient) -> Iterator[Verdict]:
    """Whether somebody leads, and whether its pods are there."""
    namespace = patient.system_namespace
    lease = patient.cluster.find(LEASES, namespace, LEASE_NAME)
    deployments = patient.deployments(namespace, CONTROLLER_LABELS)
    for body in deployments:
        yield _judge_deployment(body)
    if lease is None and not deployments:
        yield _judge_absence(patient)
    elif lease is None:
        yield Verdict(
            Level.WARNING,
            f"nobody has led yet: no Lease {namespace}/{LEASE_NAME}",
            "see the controller's log",
        )
    else:
        yield judge_lease(mapping(lease, "spec"), f"{namespace}/{LEASE_NAME}", datetime.now(UTC))


def check_splits(patient: Patient) -> Iterator[Verdict]:
    """How many ModelSplits there are, and how many want attention."""
    splits = [to_live_split(body) for body in patient.splits()]
    troubled = [split for split in splits if split.attention]
    if not splits:
        return
    if not troubled:
        yield ok(f"{count(len(splits), 'ModelSplit')}, none of which wants attention")
        return
    names = ", ".join(str(split) for split in troubled[:SHOWN]) + (", …" if len(troubled) > SHOWN else "")
    text = f"{len(troubled)} of {count(len(splits), 'ModelSplit')} in need of attention: {names}"
    yield Verdict(Level.WARNING, text, "meshsplit get -A says why")


def judge_lease(spec: Mapping[str, Any], name: str, now: datetime) -> Verdict:
    """Whether the holder of a Lease is alive at `now`."""
    holder = spec.get("holderIdentity")
    renewed = to_time(spec.get("renewTime"))
    seconds = spec.get("leaseDurationSeconds")
    if not holder or renewed is None or not isinstance(seconds, int):
        text = f"no controller leads: Lease {name} has no holder"
        return Verdict(Level.FAILURE, text, "start the controller, or see its log")
    age = (now - renewed).total_seconds()
    if age > seconds + CLOCK_SKEW_SECONDS:
        text = f"the controller is gone: {holder} renewed Lease {name} last {age:.0f} s ago"
        return Verdict(Level.FAILURE, text, "see the controller's log; routes stay as they are meanwhile")
    return ok(f"the controller is alive: {holder} holds Lease {name}")


def _judge_absence(patient: Patient) -> Verdict:
    """Neither a Lease nor a Deployment: only what ModelSplits say tells whether somebody works."""
    found = f"namespace {patient.system_namespace} has neither a Lease {LEASE_NAME} nor a Deployment"
    fix = f"{INSTALL}    or name its namespace with --system-namespace"
    splits = [to_live_split(body) for body in patient.splits()]
    if any(split.ready is not None and not split.is_stale for split in splits):
        text = f"{found}, though ModelSplits have a status: a controller runs elsewhere or without election"
        return Verdict(Level.WARNING, text, fix)
    return Verdict(Level.FAILURE, f"no controller: {found}", fix)


def _judge_deployment(body: Object) -> Verdict:
    metadata = body["metadata"]
    name = f"Deployment {metadata['namespace']}/{metadata['name']}"
    wanted = mapping(body, "spec").get("replicas", 1)
    ready = mapping(body, "status").get("readyReplicas") or 0
    if ready >= wanted > 0:
        return ok(f"{name} has {ready} of {wanted} pods ready")
    level = Level.WARNING if ready else Level.FAILURE
    fix = f"kubectl describe deployment {metadata['name']} -n {metadata['namespace']}"
    return Verdict(level, f"{name} has {ready} of {wanted} pods ready", fix)


def _compare_fields(schema: Mapping[str, Any]) -> Verdict:
    name = f"ModelSplit CRD {MODEL_SPLITS.version}"
    ours, theirs = frozenset(field_paths()), frozenset(_schema_paths(schema, ""))
    if not theirs:
        return Verdict(Level.UNKNOWN, f"{name} has no schema to compare with this client's")
    missing, extra = sorted(ours - theirs), sorted(theirs - ours)
    if missing:
        text = f"{name} is older than this client: it lacks {_listed(missing)}"
        return Verdict(Level.WARNING, text, INSTALL_CRDS)
    if extra:
        text = f"{name} is newer than this client: it has {_listed(extra)}"
        return Verdict(Level.WARNING, text, "upgrade this client")
    return ok(f"{name} installed, with the fields of this client")


def _listed(paths: list[str]) -> str:
    more = len(paths) - SHOWN
    return ", ".join(paths[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _schema_paths(schema: Mapping[str, Any], at: str) -> Iterator[str]:
    """The fields of a structural schema, list indices and map keys left out."""
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, Mapping):
            yield from _schema_paths(inner, at)
    for name, inner in mapping(schema, "properties").items():
        path = f"{at}.{name}" if at else name
        yield path
        if isinstance(inner, Mapping):
            yield from _schema_paths(inner, path)
