"""The evidence of a verdict in words."""

from meshsplit.analysis.verdict import Decision, Evidence, Verdict

FULL_RATE = 100.0


def say_evidence(verdict: Verdict) -> str:
    """What was counted and how sure it makes; the metric that says most about harm comes first."""
    deciding = [each for each in verdict.evidence if not each.dry_run]
    told = max(deciding, key=lambda each: each.harm, default=None)
    counted = f"{say_counts(told)}; " if told is not None else ""
    return (
        f"{counted}evidence of harm {verdict.harm:.3g} ({verdict.harm_needed:g} needed), "
        f"of safety {verdict.safety:.3g} ({verdict.safety_needed:g} needed)"
    )


def say_counts(evidence: Evidence) -> str:
    """`error-rate 2 of 720 (0.28%), stable 7 of 6480 (0.11%)`."""
    seen = evidence.seen
    canary = f"{seen.canary_bad:g} of {seen.canary_requests:g}{_rate(seen.canary_bad, seen.canary_requests)}"
    stable = f"{seen.stable_bad:g} of {seen.stable_requests:g}{_rate(seen.stable_bad, seen.stable_requests)}"
    name = f"{evidence.metric} {evidence.edge}".strip()
    return f"{name} {canary}, stable {stable}"


def say_waiting(verdict: Verdict) -> tuple[str, str]:
    """Why a verdict holds: a reason, "" when there is just not enough evidence, and a sentence."""
    if verdict.blind:
        problems = [f"{each.metric}: {each.reason}" for each in verdict.problems if each.decides]
        return "MetricsUnavailable", "; ".join(problems)
    if verdict.suspect is not None and verdict.decision is Decision.CONTINUE:
        return "SuspectPod", f"without pod {verdict.suspect} there is no harm; {say_evidence(verdict)}"
    return "", say_evidence(verdict)


def _rate(bad: float, requests: float) -> str:
    return f" ({bad / requests * FULL_RATE:.2f}%)" if requests > 0 else ""
