"""A ModelSplit document read and checked: its schema, then the rules that span fields."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from meshsplit.api.affinity import NO_SOURCE_IP, SOURCE_IP, is_unusable
from meshsplit.api.modelsplit import KIND, ModelSplit, ModelSplitSpec, SessionAffinity
from meshsplit.api.problems import Problem, to_problems
from meshsplit.api.rules import NO_AFFINITY, NO_GROUP, ONE_RAMP, ONE_STRATEGY, STEPS_GO_UP, UNUSABLE_HEADER
from meshsplit.api.strategy import Analysis, Canary, Strategy
from meshsplit.diagnostics import Finding, ObjectRef


def to_modelsplit(body: Mapping[str, Any]) -> ModelSplit | tuple[Finding, ...]:
    """Read a ModelSplit, or say everything that its schema and its rules object to (MSP009, MSP401, MSP402).

    That the weights add up is not among them: MSP101 is about traffic, and the object is fine otherwise.
    """
    try:
        split = ModelSplit.model_validate(dict(body))
    except ValidationError as error:
        return _to_findings(body, to_problems(error, ModelSplit))
    return _to_findings(body, find_problems(split.spec)) or split


def find_problems(spec: ModelSplitSpec) -> tuple[Problem, ...]:
    """What breaks the rules that span fields, in the words of the CRD's own CEL rules where it has them."""
    strategy, analysis = spec.strategy, spec.analysis
    return (
        *_weights_problems(spec),
        *(_strategy_problems(strategy) if strategy else ()),
        *(_canary_problems(strategy.canary) if strategy and strategy.canary else ()),
        *(_affinity_problems(spec.session_affinity) if spec.session_affinity else ()),
        *(_analysis_problems(analysis) if analysis else ()),
    )


def _to_findings(body: Mapping[str, Any], problems: tuple[Problem, ...]) -> tuple[Finding, ...]:
    metadata = body["metadata"]
    ref = ObjectRef(KIND, metadata.get("namespace") or "", metadata["name"])
    return tuple(_to_finding(ref, problem) for problem in problems)


def _to_finding(ref: ObjectRef, problem: Problem) -> Finding:
    if problem.path == SOURCE_IP:
        fix = "use a cookie, or a header with a UUID that the client sends"
        return Finding("MSP402", NO_SOURCE_IP, ref, problem.path, fix=fix)
    code = "MSP401" if problem.message == UNUSABLE_HEADER else "MSP009"
    return Finding(code, problem.message, ref, problem.path, fix=problem.fix)


def _weights_problems(spec: ModelSplitSpec) -> list[Problem]:
    needed, given = ("members", spec.members) if spec.weights_from == "Spec" else ("modelTag", spec.model_tag)
    names = [member.name for member in spec.members or ()]
    twice = [index for index, name in enumerate(names) if name in names[:index]]
    problems = [
        Problem(("spec", "members", i, "name"), f"members: {names[i]} is listed twice", "remove one of them")
        for i in twice
    ]
    if given is None:
        problems.append(Problem(("spec",), NO_GROUP, f"add spec.{needed}"))
    return problems


def _strategy_problems(strategy: Strategy) -> list[Problem]:
    if (strategy.canary is None) != (strategy.blue_green is None):
        return []
    fix = "remove one of the two" if strategy.canary else "add canary or blueGreen, or remove strategy"
    return [Problem(("spec", "strategy"), ONE_STRATEGY, fix)]


def _canary_problems(canary: Canary) -> list[Problem]:
    path = ("spec", "strategy", "canary")
    problems = []
    # Neither is legal: the ramp then follows the evidence.
    if canary.step_weights is not None and canary.step_weight is not None:
        problems.append(Problem(path, ONE_RAMP, "remove stepWeight and maxWeight, or remove stepWeights"))
    steps = canary.step_weights or []
    if any(step > following for step, following in pairwise(steps)):
        problems.append(Problem((*path, "stepWeights"), STEPS_GO_UP, f"write {sorted(steps)}"))
    return problems


def _affinity_problems(affinity: SessionAffinity) -> list[Problem]:
    path = ("spec", "sessionAffinity")
    if affinity.cookie is None and affinity.header is None:
        return [Problem(path, NO_AFFINITY, "add cookie: {}, or remove sessionAffinity")]
    if affinity.header is None or not is_unusable(affinity.header):
        return []
    fix = "let clients send a random UUID in a header of their own, for example x-client-id"
    return [Problem((*path, "header"), UNUSABLE_HEADER, fix)]


def _analysis_problems(analysis: Analysis) -> list[Problem]:
    source = analysis.source
    if source is None or (source.prometheus is None) != (source.gateway is None):
        return []
    message = "analysis.source: set exactly one of prometheus, gateway"
    return [Problem(("spec", "analysis", "source"), message, "keep one of prometheus and gateway")]
