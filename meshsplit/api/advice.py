"""What can be said about a valid ModelSplit without looking at any other object."""

import re
from collections.abc import Iterator

from meshsplit.api.cron import is_cron, is_time_zone
from meshsplit.api.modelsplit import ModelSplit, ModelSplitSpec, SessionAffinity
from meshsplit.api.problems import describe
from meshsplit.api.promql import MEMBER, loses_member
from meshsplit.api.strategy import Analysis, Canary, Metric
from meshsplit.diagnostics import Finding, ObjectRef

_OVER_TIME = re.compile(r"\b(i?rate|increase)\s*\(")
"""PromQL functions that turn a counter into something that can no longer be compared as counts."""


BUILT_IN = ("error-rate", "latency")
"""The metrics whose counters are known for every kind of backend."""

_IGNORED = (("report_progress", "reportProgress", "Ready is True all through a rollout"),)
"""Field, its name in a manifest, and what happens instead, in the order of the schema."""


def advise(split: ModelSplit) -> tuple[Finding, ...]:
    """The findings on one object alone (MSP008, MSP310, MSP403, MSP501, MSP502, MSP504 to 507)."""
    ref = ObjectRef(split.kind, split.metadata.namespace, split.metadata.name)
    found = list(_advise_ignored(ref, split.spec))
    found += _advise_sidecars(ref, split.spec)
    if split.spec.session_affinity is not None:
        protocols = split.spec.routing.protocols
        found += _advise_affinity(ref, split.spec.session_affinity, protocols is None or "grpc" in protocols)
    if split.spec.strategy is not None and split.spec.strategy.canary is not None:
        found += _advise_windows(ref, split.spec.strategy.canary)
    if split.spec.analysis is not None:
        found += _advise_analysis(ref, split.spec.analysis)
    return tuple(found)


def _advise_ignored(ref: ObjectRef, spec: ModelSplitSpec) -> Iterator[Finding]:
    """MSP008 for every field that is set and that this version keeps without acting on it."""
    for field, said, effect in _IGNORED:
        if getattr(spec, field):
            yield Finding(
                "MSP008",
                f"{said} is accepted and kept, but this version does not act on it: {effect}",
                ref,
                ("spec", said),
                fix="leave it for a later version, or remove it if nobody may rely on it",
            )


def _advise_sidecars(ref: ObjectRef, spec: ModelSplitSpec) -> Iterator[Finding]:
    gateways = spec.routing.gateways or []
    if "mesh" in gateways:
        yield Finding(
            "MSP310",
            "gateway mesh binds the routes to sidecars, which keep the caller's x-request-id: a caller that "
            "sends its own decides its bucket, and one that repeats it always gets the same member",
            ref,
            ("spec", "routing", "gateways", gateways.index("mesh")),
            fix="name an ingress gateway, or make all members serve one name, so that plain weights do",
        )


def _advise_affinity(ref: ObjectRef, affinity: SessionAffinity, grpc: bool) -> Iterator[Finding]:
    path = ("spec", "sessionAffinity")
    if grpc and affinity.cookie is not None and affinity.header is None:
        yield Finding(
            "MSP403",
            "cookie affinity on a gRPC route; most gRPC clients return no cookie",
            ref,
            (*path, "cookie"),
            fix="add sessionAffinity.header with a UUID that the client sends",
        )


def _advise_analysis(ref: ObjectRef, analysis: Analysis) -> Iterator[Finding]:
    path = ("spec", "analysis")
    if analysis.on_inconclusive == "Advance":
        yield Finding(
            "MSP504",
            "onInconclusive: Advance promotes without evidence",
            ref,
            (*path, "onInconclusive"),
            fix="write onInconclusive: Hold",
        )
    for index, metric in enumerate(analysis.metrics):
        if metric.tolerance is None and metric.limit is None:
            yield Finding(
                "MSP501",
                f"metric {metric.name} has neither tolerance nor limit",
                ref,
                (*path, "metrics", index),
                fix='add tolerance: {ratio: "1"} to compare with the stable member, or an absolute limit',
            )
        yield from _advise_counters(ref, (*path, "metrics", index), metric, analysis)
        yield from _advise_queries(ref, (*path, "metrics", index), metric)


def _advise_counters(
    ref: ObjectRef, path: tuple[str | int, ...], metric: Metric, analysis: Analysis
) -> Iterator[Finding]:
    own = [field for field, query in (("good", metric.good), ("bad", metric.bad)) if query is not None]
    if len(own) == 1 or (not own and metric.name not in BUILT_IN):
        missing = "bad" if own == ["good"] else "good"
        said = (
            f"has {own[0]} but not {missing}" if own else "is not built in and has no good and bad counters"
        )
        yield Finding(
            "MSP506",
            f"metric {metric.name} {said}",
            ref,
            path,
            fix=f"add {missing}" if own else f"add good and bad, or name it {' or '.join(BUILT_IN)}",
        )
    elif own and analysis.source is not None and analysis.source.gateway is not None:
        yield Finding(
            "MSP506",
            f"metric {metric.name} has counters of its own, which the source gateway does not read",
            ref,
            path,
            fix="use the source prometheus, or remove good and bad",
        )


def _advise_windows(ref: ObjectRef, canary: Canary) -> Iterator[Finding]:
    for at, window in enumerate(canary.windows):
        path = ("spec", "strategy", "canary", "windows", at)
        wrong = [
            ("schedule", window.schedule, is_cron(window.schedule), "five cron fields such as 0 9 * * 1-5"),
            ("timeZone", window.time_zone, is_time_zone(window.time_zone), "a zone such as Europe/Zurich"),
            ("duration", window.duration, re.search("[1-9]", window.duration), "a duration such as 8h"),
        ]
        for field, found, is_fine, wanted in wrong:
            if not is_fine:
                message = f"window {at} never opens: {field} is {describe(found)}, want {wanted}"
                yield Finding("MSP507", message, ref, (*path, field), fix=f"write {wanted}")


def _advise_queries(ref: ObjectRef, path: tuple[str | int, ...], metric: Metric) -> Iterator[Finding]:
    for field, query in (("good", metric.good), ("bad", metric.bad)):
        over_time = _OVER_TIME.search(query or "")
        if over_time is not None:
            yield Finding(
                "MSP505",
                f"the {field} query of metric {metric.name} uses {over_time[1]}(); a raw counter is needed",
                ref,
                (*path, field),
                fix=f"give the counter itself, without {over_time[1]}() and its range",
            )
        lost = loses_member(query or "")
        if lost is not None:
            yield Finding(
                "MSP502",
                f"the {field} query of metric {metric.name} cannot tell members apart: {lost} drops {MEMBER}",
                ref,
                (*path, field),
                fix=f"aggregate by {MEMBER}: {lost} by ({MEMBER}) (…)",
            )
