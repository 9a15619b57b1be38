"""What meshsplit needs of KServe: its API, and annotations that may be edited without a restart."""

import json
from collections.abc import Iterator

from meshsplit.cli.doctor.verdict import Level, Patient, Verdict, count, ok
from meshsplit.cli.kinds import CONFIG_MAPS, INFERENCE_SERVICES
from meshsplit.cli.splits import mapping
from meshsplit.kserve import keys
from meshsplit.kserve.source import to_world
from meshsplit.model import Settings

CONFIG = "inferenceservice-config"
CONFIG_NAMESPACES = ("kserve", "opendatahub", "redhat-ods-applications")
"""Where KServe, Open Data Hub and OpenShift AI keep KServe's ConfigMap."""

DISALLOWED = "serviceAnnotationDisallowedList"
RESTARTS = "MSP701"
SHOWN = 3
"""Names that a line lists at most."""


def check_api(patient: Patient) -> Iterator[Verdict]:
    """Whether InferenceServices are served, and how many of them are in a group."""
    everything = patient.cluster.list(INFERENCE_SERVICES, patient.namespace)
    tagged = [body for body in everything if keys.MODEL_TAG in mapping(body, "metadata", "labels")]
    groups = {
        (body["metadata"]["namespace"], mapping(body, "metadata", "labels")[keys.MODEL_TAG])
        for body in tagged
    }
    yield ok(
        f"InferenceService {INFERENCE_SERVICES.version} is served; "
        f"{len(tagged)} of {len(everything)} carry a model-tag, in {count(len(groups), 'group')}"
    )


def check_restarts(patient: Patient) -> Iterator[Verdict]:
    """Whether editing a percentage restarts the pods of members in Standard mode."""
    bodies = patient.cluster.list(INFERENCE_SERVICES, patient.namespace) + patient.splits()
    findings = to_world(bodies, Settings()).findings
    refs = {finding.object for finding in findings if finding.code == RESTARTS and finding.object is not None}
    members = sorted(f"{ref.namespace}/{ref.name}" for ref in refs)
    if not members:
        return
    names = ", ".join(members[:SHOWN]) + (", …" if len(members) > SHOWN else "")
    config = _find_config(patient)
    fix = f"add it to {DISALLOWED} in KServe's ConfigMap {CONFIG}, or keep the weights in a ModelSplit"
    if config is None:
        where = ", ".join(CONFIG_NAMESPACES)
        text = f"{names}: whether editing {keys.PERCENT} restarts pods is unknown, no {CONFIG} in {where}"
        yield Verdict(Level.UNKNOWN, text, fix, RESTARTS)
    elif keys.PERCENT in config:
        yield ok(f"editing {keys.PERCENT} restarts no pods of Standard mode: it is in {DISALLOWED}")
    else:
        text = (
            f"{names} in Standard mode: editing {keys.PERCENT} restarts their pods, it is not in {DISALLOWED}"
        )
        yield Verdict(Level.FAILURE, text, fix, RESTARTS)


def _find_config(patient: Patient) -> frozenset[str] | None:
    """The annotations that KServe copies to no pod; None when its ConfigMap is not found."""
    for namespace in CONFIG_NAMESPACES:
        body = patient.cluster.find(CONFIG_MAPS, namespace, CONFIG)
        if body is not None:
            return _disallowed(str(mapping(body, "data").get("inferenceService", "")))
    return None


def _disallowed(text: str) -> frozenset[str]:
    """The list in the ConfigMap's JSON; empty when it has none, as KServe's own does not name our key."""
    try:
        config = json.loads(text)
    except ValueError:
        return frozenset()
    listed = config.get(DISALLOWED) if isinstance(config, dict) else None
    return frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()
