"""How the demo's rollout ended, beside what the rules of others would have let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.analysis.walk import Act
from meshsplit.cli.tables import to_table
from meshsplit.simulation.peers import let_through
from meshsplit.simulation.rules.argo import Argo, ArgoSettings
from meshsplit.simulation.rules.flagger import Flagger, FlaggerSettings
from meshsplit.simulation.words import to_duration, to_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshsplit.simulation.peers import Counted

_ENDS = {Act.PROMOTE: "promoted", Act.ROLLBACK: "rolled back", Act.INCONCLUSIVE: "held"}
_FLAGGER, _ARGO = FlaggerSettings(), ArgoSettings()

HOW = f"""\
Flagger and Argo are computed, not run. Their rules get the requests that were counted above, over
and over, shared out by their own weights; the canary fails as often as it was counted to at its
largest weight that is not above theirs, so their figures are as unsure as the rates above. Both
look at the share of successes, with the numbers of their documentation's examples:
  Flagger  a check every {to_duration(_FLAGGER.interval)} for {_FLAGGER.min_success:.0%}, \
{_FLAGGER.threshold} failed ones roll back; {to_weight(_FLAGGER.step_weight)}% more each, \
up to {to_weight(_FLAGGER.max_weight)}%
  Argo     a check every {to_duration(_ARGO.interval)} for {_ARGO.min_success:.0%}, \
{_ARGO.failure_limit + 1} failed ones roll back; {", ".join(map(to_weight, _ARGO.steps))}%, \
{to_duration(_ARGO.pause)} each"""
"""How the comparison is made; said whenever it is shown."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A rollout that is over: how, after how many seconds, and what callers saw until all traffic had moved.

    `canary_requests` counts what it answered, well or not.
    """

    how: str
    seconds: float
    canary_requests: int
    failed: int


def to_comparison(ended: Ended, reads: Sequence[Counted]) -> str:
    """A table of the rollout and of other rules on its reads, of which there is at least one."""
    rows = [_to_row("meshsplit", ended.how, ended.seconds, ended.canary_requests, ended.failed)]
    for name, rule in (("Flagger", Flagger(_FLAGGER)), ("Argo Rollouts", Argo(_ARGO))):
        passed = let_through(rule, reads)
        rows.append(_to_row(name, _ENDS[passed.act], passed.seconds, passed.canary_requests, passed.failed))
    header = ("RULE", "OUTCOME", "AFTER", "TO THE CANARY", "FAILED")
    return "\n".join([*to_table(header, rows), "", HOW])


def _to_row(rule: str, how: str, seconds: float, canary: float, failed: float) -> tuple[str, ...]:
    return rule, how, to_duration(seconds), f"{canary:,.0f}", f"{failed:,.0f}"
