"""What rollouts need of metrics: a Prometheus that answers, with series that tell the members apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import yaml

from meshsplit.analysis.metrics import FROM_PROMETHEUS, MetricRequest
from meshsplit.analysis.wishes import make_requests
from meshsplit.api.settings import to_settings
from meshsplit.cli.doctor.series import probe
from meshsplit.cli.doctor.verdict import Level, Patient, Verdict
from meshsplit.cli.kinds import CLUSTER_SERVING_RUNTIMES, CONFIG_MAPS, INFERENCE_SERVICES, SERVING_RUNTIMES
from meshsplit.cli.splits import mapping
from meshsplit.kserve.objects import SplitRequest
from meshsplit.kserve.observed import observe
from meshsplit.kserve.source import understand
from meshsplit.metrics.prometheus import PrometheusSource
from meshsplit.model import Group, GroupKey, Settings, Strategy

SETTINGS, SETTINGS_KEY = "meshsplit-settings", "settings.yaml"
"""The ConfigMap of the controller's settings, as config/manager has it."""
_LOCAL_PORT = 9090

Asked = Mapping[str, Sequence[MetricRequest]]
"""What is read, by the address of a Prometheus."""


def check_series(patient: Patient) -> Iterator[Verdict]:
    """Whether the series that rollouts are decided by exist, at each Prometheus that is named.

    A group whose source is the gateway is left out: pods are out of reach from here.
    """
    for address, requests in sorted(find_asked(patient).items()):
        source = PrometheusSource(patient.prometheus or address)
        try:
            verdicts = probe(source, requests, FROM_PROMETHEUS)
        finally:
            source.close()
        yield from (_say_where(verdict, address, patient) for verdict in verdicts)


def find_asked(patient: Patient) -> Asked:
    """What decides about the groups that have a strategy which measures."""
    settings = read_settings(patient)
    bodies = [*patient.namespaces(), *patient.splits()]
    for resource in (INFERENCE_SERVICES, SERVING_RUNTIMES, CLUSTER_SERVING_RUNTIMES):
        bodies += patient.list_if_known(resource, patient.namespace if resource.namespaced else "")
    observed = observe(bodies, settings)
    groups = {group.key: group for group in understand(observed, settings).world.groups}
    asked: dict[str, list[MetricRequest]] = {}
    for ref, split in sorted(observed.splits.items()):
        group = groups.get(GroupKey(ref.namespace, split.group)) if isinstance(split, SplitRequest) else None
        if isinstance(split, SplitRequest) and group is not None:
            address = _find_address(split, settings)
            requests = _make_requests(split, group)
            if address and requests:
                asked.setdefault(address, []).extend(requests)
    return asked


def read_settings(patient: Patient) -> Settings:
    """The controller's settings, the defaults where they cannot be read."""
    body = patient.cluster.find(CONFIG_MAPS, patient.system_namespace, SETTINGS)
    try:
        settings = to_settings(yaml.safe_load(str(mapping(body or {}, "data").get(SETTINGS_KEY, ""))))
    except yaml.YAMLError:
        return Settings()
    return settings if isinstance(settings, Settings) else Settings()


def _find_address(split: SplitRequest, settings: Settings) -> str:
    """The Prometheus that a ModelSplit is decided by; "" where it is the gateway."""
    source = split.spec.analysis.source if split.spec.analysis is not None else None
    if source is None:
        return settings.prometheus
    return source.prometheus.address if source.prometheus is not None else ""


def _make_requests(split: SplitRequest, group: Group) -> Sequence[MetricRequest]:
    if split.strategy is Strategy.CANARY:
        return make_requests(group, split.spec.analysis)
    strategy = split.spec.strategy
    blue_green = strategy.blue_green if strategy is not None else None
    if blue_green is not None and blue_green.pre_promotion_checks is not None:
        return make_requests(group, None)
    return ()


def _say_where(verdict: Verdict, address: str, patient: Patient) -> Verdict:
    """The verdict with the address, and with the way to it where nobody answers from here."""
    named = verdict.text.startswith(address)
    said = verdict if named else replace(verdict, text=f"{address}: {verdict.text}")
    if verdict.level is not Level.UNKNOWN or patient.prometheus:
        return said
    service, _, namespace = (urlsplit(address).hostname or "").partition(".")
    namespace = namespace.partition(".")[0] or "NAMESPACE"
    port = urlsplit(address).port or _LOCAL_PORT
    forward = f"kubectl port-forward -n {namespace} service/{service} {_LOCAL_PORT}:{port}"
    fix = f"{forward} &    then meshsplit check --prometheus http://127.0.0.1:{_LOCAL_PORT}"
    return replace(said, fix=fix)
