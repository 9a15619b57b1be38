"""Why a live group is where it is: what its status says, who owns which number, what to do."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from meshsplit.api.status import ConditionStatus
from meshsplit.api.wire import to_rfc3339
from meshsplit.cli.outlooktext import read_outlook, say_outlook, to_outlook_report
from meshsplit.cli.rules import WIDTH, to_rule_report
from meshsplit.cli.situation import Situation
from meshsplit.cli.splits import LiveSplit, is_well
from meshsplit.cli.status import describe_target
from meshsplit.cli.tables import NOTHING
from meshsplit.cli.terminal import Style, visible
from meshsplit.cli.whynot import say_decision, say_stand
from meshsplit.controller import conditions
from meshsplit.diagnostics import RULES, Rule
from meshsplit.istio.names import splitting_name

_CODE = re.compile(r"MSP\d{3}")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reason of Ready means, and the command to run next, made from " -n namespace"."""

    text: str
    following: Callable[[Situation, str], str]


def _own(verb: str) -> Callable[[Situation, str], str]:
    return lambda situation, where: f"{{program}} {verb} {situation.split.name}{where}"


def _describe_unready(situation: Situation, where: str) -> str:
    unready = [row.name for row in situation.members if row.condition.get("status") != "True"]
    return f"kubectl describe inferenceservice {' '.join(unready)}".rstrip() + where


def _show_route(situation: Situation, where: str) -> str:
    return f"kubectl get virtualservice {splitting_name(situation.split.group)}{where} -o yaml"


MEANINGS = {
    conditions.STEADY: Meaning("The split that is asked for is the one that serves.", _own("status")),
    "Pending": Meaning("A rollout waits to begin; nothing has moved yet.", _own("status")),
    "Progressing": Meaning(
        "A rollout is under way: the canary gets more as evidence comes in.", _own("watch")
    ),
    "AwaitingPromotion": Meaning("The canary has shown enough. A person has to promote it.", _own("promote")),
    "Inconclusive": Meaning("There was not enough evidence in time. The weight is held.", _own("status")),
    "Paused": Meaning("A person has paused it. What is measured still can roll it back.", _own("resume")),
    "RolledBack": Meaning(
        "The rollout was taken back, and this target is not tried again by itself.", _own("history")
    ),
    "Overridden": Meaning("A person has set the weights for a time.", _own("status")),
    conditions.INVALID: Meaning(
        "What is asked for is not valid. The last valid split goes on serving until it is.", _own("status")
    ),
    conditions.REFUSED: Meaning(
        "Something else has the name or the place of this group. What served goes on serving.", _own("status")
    ),
    conditions.NOT_EXPOSED: Meaning(
        "Its namespace has the mesh switched off or names no gateway, so no route is written.",
        lambda _situation, where: f"{{program}} check{where}",
    ),
    conditions.MEMBER_NOT_READY: Meaning(
        "A member cannot serve yet and gets no more than it has; its share stays where the traffic is.",
        _describe_unready,
    ),
    conditions.ROUTE_REJECTED: Meaning(
        "The API or Istio refused the VirtualService; the one before it goes on serving.",
        lambda _situation, where: f"{{program}} diff --live{where}",
    ),
    conditions.ROUTE_REASONS["MSP301"]: Meaning(
        "A VirtualService of that name exists that meshsplit did not make, so it is not touched.",
        _show_route,
    ),
    conditions.ROUTE_REASONS["MSP303"]: Meaning(
        "The gateway that it names does not exist or does not serve its host, so no request arrives.",
        lambda _situation, where: f"{{program}} check{where}",
    ),
    conditions.NO_MEMBERS: Meaning(
        "No InferenceService belongs to it, so there is nothing to route to. It waits for one.",
        lambda _situation, where: f"kubectl get inferenceservices --show-labels{where}",
    ),
    conditions.WRITE_FAILED: Meaning(
        "Writing failed and is tried again.", lambda _situation, where: f"{{program}} check{where}"
    ),
}
"""By reason of the condition Ready."""

GIVEN_UP = Meaning(
    "What is asked for was given up. What serves stays until something else is asked for.", _own("history")
)

UNSEEN = Meaning(
    "No controller has looked at it: its status is empty.",
    lambda _situation, where: f"{{program}} check{where}",
)


def to_text(situation: Situation, style: Style) -> str:
    """The page, without the line that names the next command."""
    split = situation.split
    lines = [style.strong(f"Why is {split} at {split.status.weight or NOTHING}?")]
    status = split.status
    said_before = {condition.message for condition in _find_telling(split)}
    told = [*say_decision(status, said_before), *say_outlook(read_outlook(split)), *say_stand(status)]
    lines += _paragraphs([*_what_is_said(situation), *told, _meaning_of(situation).text])
    lines += [style.strong("Who owns which number"), *_owners(situation)]
    for rule in find_rules(situation):
        lines += [style.strong(f"{rule.code}  {rule.title}")]
        lines += _paragraphs([rule.why, rule.does, f"Fix: {rule.fix}"])
    return "\n".join(lines)


def next_command(situation: Situation, program: str, flags: str) -> str:
    """What to run next, to see more or to mend it."""
    split = situation.split
    rules = find_rules(situation)
    if rules:
        return f"{program} explain {rules[0].code}"
    where = f" -n {split.namespace}"
    command = _meaning_of(situation).following(situation, where).replace("{program}", program)
    return command + (flags if command.startswith(program) and where in command else "")


def to_report(situation: Situation) -> dict[str, Any]:
    """What an ExplainReport adds to the split's entry."""
    return {
        "meaning": _meaning_of(situation).text,
        "outlook": to_outlook_report(read_outlook(situation.split)),
        "otherManagers": list(situation.strangers),
        "rules": [to_rule_report(rule) for rule in find_rules(situation)],
    }


def find_rules(situation: Situation) -> tuple[Rule, ...]:
    """The rules whose codes the conditions name, in order of code."""
    messages = " ".join(condition.message for condition in situation.split.status.conditions)
    return tuple(RULES[code] for code in sorted(set(_CODE.findall(messages))) if code in RULES)


def _meaning_of(situation: Situation) -> Meaning:
    ready = situation.split.ready
    if ready is None:
        return UNSEEN
    if ready.reason == conditions.STEADY and situation.split.status.rejected_target is not None:
        return GIVEN_UP
    fallback = Meaning("Its message above says all that is known here.", _own("status"))
    return MEANINGS.get(ready.reason, fallback)


def _what_is_said(situation: Situation) -> list[str]:
    """The conditions that are not as they should be, Ready first whatever it is."""
    split = situation.split
    said, messages = [], set[str]()
    for each in _find_telling(split):
        said.append(_describe(each, "" if each.message in messages else each.message))
        messages.add(each.message)
    if split.is_stale:
        seen = split.status.observed_generation
        said.append(f"All of it is about generation {seen}; the object is at {split.generation}.")
    return said


def _find_telling(split: LiveSplit) -> list[ConditionStatus]:
    """Ready, whatever it is, and what is not as it should be."""
    ready = [split.ready] if split.ready is not None else []
    return ready + [each for each in split.status.conditions if each != split.ready and not is_well(each)]


def _describe(condition: ConditionStatus, message: str) -> str:
    since = to_rfc3339(condition.last_transition_time)
    text = f"{condition.type} is {condition.status} since {since}: {condition.reason}"
    return f"{text}, {message}" if message else text


def _owners(situation: Situation) -> list[str]:
    """Target and current share, the stable member first, and who may change each."""
    target = " / ".join(row.target or NOTHING for row in situation.members) or NOTHING
    now = " / ".join(row.weight or NOTHING for row in situation.members) or NOTHING
    width = max(len(target), len(now))
    generation = f", generation {situation.split.generation}" if situation.from_spec else ""
    return [
        visible(f"  target  {target.ljust(width)}   {describe_target(situation)}{generation}"),
        visible(f"  now     {now.ljust(width)}   {_describe_writing(situation)}"),
    ]


def _describe_writing(situation: Situation) -> str:
    if situation.main_route is None:
        return "nobody: there is no VirtualService"
    name = situation.main_route["metadata"]["name"]
    text = f"meshsplit, VirtualService {situation.split.namespace}/{name}"
    return f"{text}, also changed by {', '.join(situation.strangers)}" if situation.strangers else text


def _paragraphs(texts: list[str]) -> list[str]:
    return [
        line
        for text in texts
        for line in wrap(
            visible(text), WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        )
    ]
