"""Burstiness, latency edges, intervals and bounds, each against an independent computation."""

import math
import random

import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import beta, betabinom, lognorm

from meshsplit.analysis.bounds import information, least_excess_failures, least_requests
from meshsplit.analysis.counts import Counts
from meshsplit.analysis.dispersion import Halves, estimate_icc
from meshsplit.analysis.guess import Past
from meshsplit.analysis.intervals import rate_interval, ratio_interval
from meshsplit.analysis.latency import choose_edges, make_latency_rule, make_pasts, to_counts, to_tails
from meshsplit.analysis.rules import NO_WORSE, TWICE, Line, Rules
from meshsplit.analysis.trial import Read, begin, step
from meshsplit.analysis.verdict import Decision, Verdict

INF = math.inf


def draw_halves(seed: int, icc: float, blocks: int, n: int = 400, p: float = 0.02) -> list[Halves]:
    generator = betabinom(n, p * (1 - icc) / icc, (1 - p) * (1 - icc) / icc) if icc else None
    rng = random.Random(seed)
    draws = (
        generator.rvs(2 * blocks, random_state=seed)
        if generator
        else [sum(rng.random() < p for _ in range(n)) for _ in range(2 * blocks)]
    )
    return [Halves(n, int(draws[2 * at]), n, int(draws[2 * at + 1])) for at in range(blocks)]


@pytest.mark.parametrize("icc", [0.01, 0.05])
def test_the_icc_of_bursty_halves_is_found_and_rather_over_than_under(icc: float) -> None:
    found = [estimate_icc(draw_halves(seed, icc, 960), 15.0) for seed in range(5)]
    assert icc * 0.9 < min(found)
    assert max(found) < icc * 1.8


def test_without_bursts_next_to_nothing_is_found() -> None:
    assert estimate_icc(draw_halves(1, 0.0, 240), 15.0) < 0.001


def test_for_equal_halves_it_is_the_simple_formula() -> None:
    blocks = [
        Halves(100, a, 100, b) for a, b in ((3, 0), (5, 1), (0, 6), (2, 2), (9, 1), (0, 0), (4, 8), (1, 1))
    ]
    good = 1 - sum(b.bad_a + b.bad_b for b in blocks) / 1600
    d = sum((b.bad_a - b.bad_b) ** 2 for b in blocks) / sum(b.bad_a + b.bad_b for b in blocks) / good
    found = estimate_icc(blocks, 300.0)
    assert found > (d - 1) / 100
    residuals = [(b.bad_a - b.bad_b) ** 2 - d * good * (b.bad_a + b.bad_b) for b in blocks]
    error = math.sqrt(sum(r * r for r in residuals)) / (good * sum(b.bad_a + b.bad_b for b in blocks))
    assert found == pytest.approx((d - 1 + error) / 100)


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [Halves(0, 0, 0, 0)] * 20,
        [Halves(9, 0, 9, 0)] * 20,
        [Halves(9, 9, 9, 9)] * 20,
        [Halves(9, 1, 9, 0)] * 3,
    ],
)
def test_too_little_to_tell_is_no_burstiness(blocks: list[Halves]) -> None:
    assert estimate_icc(blocks, 15.0) == 0.0


def test_slow_bursts_show_in_longer_blocks() -> None:
    # Every minute is good or bad as a whole, alike in its four reads.
    rng = random.Random(8)
    blocks = []
    for _ in range(240):
        a, b = (rng.choice([0, 0, 0, 8]) for _ in range(2))
        blocks += [Halves(100, a / 4, 100, b / 4)] * 4
    assert estimate_icc(blocks, 15.0) > 1.5 * estimate_icc(blocks, 60.0) / 2


# Latency


def buckets(*slow: float, total: float = 1000.0) -> dict[float, float]:
    """Cumulative buckets at 0.1, 0.2, … s whose tails are given."""
    return {0.1 * (at + 1): total - tail for at, tail in enumerate(slow)} | {INF: total}


def test_tails_are_the_requests_above_an_edge() -> None:
    assert to_tails({0.1: 70, 0.5: 99, INF: 100}) == {0.1: (100, 30), 0.5: (100, 1)}
    assert to_tails({0.1: 70}) == {}


def test_edges_that_tell_nothing_or_the_same_are_left_out() -> None:
    edges = choose_edges(buckets(1000, 600, 600, 30, 0.05, 0))
    assert [round(edge, 1) for edge in edges] == [0.3, 0.4]
    assert choose_edges({}) == ()


def test_of_many_edges_six_spread_over_the_tails() -> None:
    edges = choose_edges(buckets(*(900 * 0.7**at for at in range(20))))
    assert 4 <= len(edges) <= 6
    assert edges[0] == pytest.approx(0.1)
    assert edges == tuple(sorted(edges))


def test_the_rule_gates_on_the_edges_that_can_be_certified() -> None:
    past = buckets(900, 300, 20, 2)
    rule = make_latency_rule("latency", past)
    assert rule is not None
    assert [edge.gates for edge in rule.edges] == [False, True, True, False]
    assert make_pasts(past, choose_edges(past))[1] == Past(1000, 300)
    assert make_latency_rule("latency", buckets(0, 0)) is None


def test_counts_come_edge_by_edge_and_a_missing_edge_is_no_evidence() -> None:
    edges = (0.1, 0.2)
    found = to_counts(buckets(50, 20, total=100), buckets(90, 30, total=200), edges)
    assert found == (Counts(100, 50, 200, 90), Counts(100, 20, 200, 30))
    assert to_counts({INF: 10}, buckets(1, 1), edges) is None


ISTIO_EDGES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def expected_buckets(requests: float, median: float, spread: float = 0.25) -> dict[float, float]:
    """What a histogram holds on average when latencies are log-normal."""
    below = lognorm(spread, scale=median).cdf
    return {edge: requests * float(below(edge)) for edge in ISTIO_EDGES} | {INF: requests}


def judge_latency(slower: float, reads: int, spread: float = 0.25) -> list[Verdict]:
    past = expected_buckets(20_000, 0.1, spread)
    edges, rule = choose_edges(past), make_latency_rule("latency", past)
    assert rule is not None
    counts = to_counts(expected_buckets(10, 0.1 * slower, spread), expected_buckets(190, 0.1, spread), edges)
    assert counts is not None
    rules, verdicts = Rules((rule,)), []
    trial = begin(rules, {"latency": make_pasts(past, edges)})
    for _ in range(reads):
        trial, verdict = step(trial, Read(50, {"latency": counts}, top=True), rules)
        verdicts.append(verdict)
    return verdicts


def test_a_shift_of_a_fifth_is_found_within_a_few_hundred_canary_requests() -> None:
    verdicts = judge_latency(slower=1.2, reads=30)
    found = next(at for at, verdict in enumerate(verdicts, 1) if verdict.decision is Decision.ROLLBACK)
    assert 5 <= found <= 30  # reads of ten canary requests each


def test_an_equal_latency_is_promoted_and_never_rolled_back() -> None:
    decisions = [verdict.decision for verdict in judge_latency(slower=1.0, reads=80, spread=0.5)]
    assert Decision.ROLLBACK not in decisions
    assert decisions[-1] is Decision.PROMOTE


def test_a_histogram_too_coarse_to_certify_watches_for_harm_and_does_not_gate() -> None:
    # Half of the requests are above 0.1 s and next to none above 0.25 s.
    rule = make_latency_rule("latency", expected_buckets(20_000, 0.1))
    assert rule is not None
    assert rule.safe is None
    assert len(rule.edges) == 2


# Intervals


@pytest.mark.parametrize(("requests", "bad"), [(10, 0), (10, 10), (720, 2), (5000, 4999), (10**6, 15)])
def test_rates_have_clopper_and_pearsons_interval(requests: int, bad: int) -> None:
    found = rate_interval(requests, bad)
    low = beta.ppf(0.025, bad, requests - bad + 1) if bad else 0.0
    high = beta.ppf(0.975, bad + 1, requests - bad) if bad < requests else 1.0
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6, abs=1e-12)


def test_large_counts_have_the_normal_one_within_a_percent() -> None:
    found = rate_interval(4e6, 4e5)
    exact = (beta.ppf(0.025, 4e5, 3.6e6 + 1), beta.ppf(0.975, 4e5 + 1, 3.6e6))
    assert (found.low - 0.1, found.high - 0.1) == pytest.approx((exact[0] - 0.1, exact[1] - 0.1), rel=0.01)
    assert rate_interval(1e12, 1e10).low == pytest.approx(0.01, rel=1e-4)


def test_the_ratio_is_that_of_the_rates() -> None:
    found = ratio_interval(Counts(1000, 20, 9000, 90))
    assert found.point == pytest.approx(2.0)
    assert 1.0 < found.low < 2.0 < found.high < 4.0
    assert ratio_interval(Counts(10, 0, 10, 0)).point is None
    assert ratio_interval(Counts(10, 1, 10, 0)).high == INF
    assert rate_interval(0, 0) == rate_interval(-1, 0)


# Bounds


@pytest.mark.parametrize("line", [NO_WORSE, TWICE, Line(1.25), Line(1.0, 0.05)], ids=str)
def test_the_information_is_the_least_divergence_of_any_null(line: Line) -> None:
    def kl(p: float, q: float) -> float:
        return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))

    for weight, p_c, p_s in ((0.1, 0.3, 0.05), (0.33, 0.02, 0.01), (0.5, 0.001, 0.001)):

        def cost(x: float, w: float = weight, c: float = p_c, s: float = p_s) -> float:
            return w * kl(c, line.at(x)) + (1 - w) * kl(s, x)

        best = minimize_scalar(
            cost,
            bounds=(1e-9, (1 - line.add) / line.ratio - 1e-9),
            method="bounded",
            options={"xatol": 1e-12},
        )
        assert information(weight, p_c, p_s, line) == pytest.approx(best.fun, rel=1e-4, abs=1e-12)


@pytest.mark.parametrize(("ratio", "failures"), [(1.5, 21.3), (2.0, 11.9), (5.0, 4.55), (20.0, 2.14)])
def test_the_least_excess_failures_are_those_of_the_poisson_limit(ratio: float, failures: float) -> None:
    assert least_excess_failures(ratio, 0.01) == pytest.approx(failures, abs=0.05)
    rare = 1e-6
    requests = least_requests(1e-5, ratio * rare, rare, NO_WORSE, 0.01)
    assert requests * rare * (ratio - 1) == pytest.approx(failures, abs=0.05)


def test_a_canary_on_the_line_cannot_be_told_from_it() -> None:
    assert least_requests(0.3, 0.01, 0.01, NO_WORSE, 0.01) == INF
