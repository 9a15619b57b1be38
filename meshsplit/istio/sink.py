"""Outcomes and models in, Istio objects out: every object is checked against Istio's own rules first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from meshsplit.diagnostics import Finding
from meshsplit.istio.asides import check_shadow
from meshsplit.istio.conflicts import find_conflicts
from meshsplit.istio.fleet import find_crowded_hosts
from meshsplit.istio.names import splitting_name
from meshsplit.istio.observed import key_of, ref_of
from meshsplit.istio.plan import make_group_plan, make_model_plan
from meshsplit.istio.rules import check_object
from meshsplit.istio.strategy import check_strategy
from meshsplit.istio.virtualservice import make_virtual_service
from meshsplit.model import Expression, ObjectIdentity, Outcome, Settings, World


def to_istio(
    outcomes: Sequence[Outcome],
    world: World,
    bodies: Sequence[Mapping[str, Any]],
    settings: Settings,
    accepted: Callable[[Mapping[str, Any]], bool] = lambda _: False,
) -> Expression:
    """Write a VirtualService for every model and for every readable group that has a split.

    Left out, each with a finding: an object that Istio would refuse (MSP308) and one whose name a foreign
    object holds (MSP301). What `accepted` holds for is not checked again.
    """
    plans = [make_model_plan(model) for model in world.models]
    plans += [
        make_group_plan(outcome.group, outcome.split, outcome.diversion, outcome.shadow)
        for outcome in outcomes
        if outcome.split is not None and not outcome.group.unreadable
    ]
    made = [make_virtual_service(plan, settings.istio_api_version) for plan in plans]
    findings = [finding for body in made if not accepted(body) for finding in _violations(body)]
    refused = {finding.object for finding in findings}
    legal = [body for body in made if ref_of(body) not in refused] if refused else made
    conflicts = find_conflicts(legal, bodies)
    taken = conflicts.refused
    objects = [body for body in legal if key_of(body) not in taken] if taken else legal
    findings += [*conflicts.findings, *find_crowded_hosts(objects)]
    findings += [finding for outcome in outcomes for finding in check_strategy(outcome.group)]
    findings += [finding for outcome in outcomes for finding in check_shadow(outcome)]
    return Expression(tuple(objects), tuple(findings), _untouched(outcomes, world))


def _untouched(outcomes: Sequence[Outcome], world: World) -> frozenset[ObjectIdentity]:
    groups = (outcome.group.key for outcome in outcomes if outcome.group.unreadable)
    names = {(key.namespace, splitting_name(key.name)) for key in groups} | world.unreadable_models
    return frozenset(("VirtualService", namespace, name) for namespace, name in names)


def _violations(body: Mapping[str, Any]) -> list[Finding]:
    ref = ref_of(body)
    return [
        Finding(
            "MSP308",
            f"Istio would refuse {ref}: {violation.message}",
            ref,
            violation.path,
            fix="change the setting, annotation or ModelSplit field that this value comes from",
        )
        for violation in check_object(body)
    ]
