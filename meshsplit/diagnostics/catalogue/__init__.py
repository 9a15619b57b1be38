"""The rule table: one file per range of codes; ranges never change and numbers are never reused."""

from meshsplit.diagnostics.catalogue.affinity import AFFINITY
from meshsplit.diagnostics.catalogue.analysis import ANALYSIS
from meshsplit.diagnostics.catalogue.distributed import DISTRIBUTED
from meshsplit.diagnostics.catalogue.gitops import GITOPS
from meshsplit.diagnostics.catalogue.groups import GROUPS
from meshsplit.diagnostics.catalogue.inputs import INPUTS
from meshsplit.diagnostics.catalogue.istio import ISTIO
from meshsplit.diagnostics.catalogue.platform import PLATFORM
from meshsplit.diagnostics.catalogue.weights import WEIGHTS
from meshsplit.diagnostics.rule import Rule

RANGES: dict[str, tuple[Rule, ...]] = {
    "Input": INPUTS,
    "Weights": WEIGHTS,
    "Groups": GROUPS,
    "Istio": ISTIO,
    "Affinity": AFFINITY,
    "Analysis": ANALYSIS,
    "GitOps": GITOPS,
    "Platform": PLATFORM,
    "Distributed": DISTRIBUTED,
}
"""The rules by what they are about, in order of number."""

RULES: dict[str, Rule] = {rule.code: rule for rules in RANGES.values() for rule in rules}
"""Every code, in order of number."""
