"""The promises of the decision rule, simulated: mistakes, requests, failures and times, beside other rules.

About 4 minutes of one core; --quick plays a tenth of the rollouts.
"""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.latency import say_latency
from bench.report import parse_quick, say, say_header, say_table
from bench.studies import SEED, figure, minutes, ours, percent, study, world

from meshsplit.analysis.bounds import least_excess_failures, least_requests
from meshsplit.analysis.counts import Counts
from meshsplit.analysis.forecast import Conditions
from meshsplit.analysis.guess import Past
from meshsplit.analysis.planner import make_plan
from meshsplit.analysis.ramp import Ramp
from meshsplit.analysis.rules import NO_WORSE, STRICT_TWICE, MetricRule, Rules
from meshsplit.analysis.trial import Read, begin, step
from meshsplit.analysis.walk import Course
from meshsplit.simulation.catalogue import make_ours, make_rule_maker
from meshsplit.simulation.rules.argo import Argo, ArgoSettings
from meshsplit.simulation.study import MakeRule, Mean
from meshsplit.simulation.world import Phase, World

RUNS, HEALTHY_RUNS, COSTLY_RUNS = 800, 2000, 300
QUICK = 10

DEFAULT = Course()
STRICT = Course(Rules((MetricRule("error-rate", safe=STRICT_TWICE),)))
"""The margin without its 0.2 points: then a canary that fails exactly twice as often is bad by definition."""


def say_mistakes(scale: int) -> None:
    """False rollbacks, misses and times by traffic and rate, for both margins."""
    rows = []
    for traffic, rate in ((5, 0.01), (50, 0.01), (500, 0.01), (50, 0.001), (500, 0.001), (50, 0.05)):
        for name, course in (("2x + 0.2 points", DEFAULT), ("2x", STRICT)):
            if course is STRICT and rate == 0.001 and traffic == 50:
                runs = COSTLY_RUNS // scale
            else:
                runs = HEALTHY_RUNS // scale if rate == 0.01 and traffic > 5 else RUNS // scale
            healthy = study(world(traffic, rate, rate), ours(course), runs)
            twice = study(world(traffic, rate, 2 * rate), ours(course), runs // 2)
            rule = course.rules.metrics[0]
            bad = (
                twice
                if course is STRICT
                else study(world(traffic, rate, (rule.safe or NO_WORSE).at(rate)), ours(course), runs // 2)
            )
            rows.append(
                (
                    f"{traffic}",
                    f"{100 * rate:g} %",
                    name,
                    percent(healthy.rolled_back),
                    minutes(healthy.seconds_to_promote),
                    percent(healthy.undecided),
                    percent(twice.promoted),
                    percent(bad.promoted),
                    minutes(twice.seconds_to_rollback),
                )
            )
    say("Mistakes and times of the whole rollout:\n")
    say_table(
        [
            "req/s",
            "stable errors",
            "margin",
            "healthy rolled back, %",
            "healthy promoted after, min",
            "healthy undecided, %",
            "2x promoted, %",
            "at the margin promoted, %",
            "2x rolled back after, min",
        ],
        rows,
    )


def say_bound(scale: int) -> None:
    """Canary requests to a rollback at a fixed weight, over what any rule needs."""
    rows = []
    for traffic, weight, rate in ((50, 10, 0.01), (50, 333, 0.01), (50, 50, 0.001)):
        row = [f"{100 * rate:g} %", f"{weight / 10:g} %", f"{traffic * 15 * weight / 1000:g}"]
        for ratio, runs in ((1.5, 200), (2.0, 800), (5.0, 2000)):
            course = Course(
                Rules((replace(DEFAULT.rules.metrics[0], safe=None),)),
                Ramp(steps=(weight,)),
                deadline=math.inf,
            )
            runs = runs // 2 if rate < 0.01 else runs
            found = study(world(traffic, rate, ratio * rate), ours(course), runs // scale)
            least = least_requests(weight / 1000, ratio * rate, rate, NO_WORSE, 0.01)
            mean = found.canary_requests
            row.append(f"{(mean.value or 0) / least:.2f} ± {mean.error / least:.2f}")
        rows.append(row)
    say("Canary requests to a rollback over the information bound, fixed weight:\n")
    say_table(["stable errors", "weight", "canary requests a read", "1.5x", "2x", "5x"], rows)


def say_outage(scale: int) -> None:
    """A canary that fails half of its requests from the start, by rule."""
    where = world(50, 0.01, 0.5)
    rules: list[tuple[str, MakeRule]] = [
        ("meshsplit", ours(DEFAULT)),
        ("Flagger, 1 m", make_rule_maker("flagger", DEFAULT)),
        ("Argo, 1 m", lambda _world, _chance: Argo(ArgoSettings(interval=60.0))),
        ("Argo, 5 m", make_rule_maker("argo", DEFAULT)),
        ("Kayenta, 60 m", make_rule_maker("kayenta", DEFAULT)),
        ("z-test at every read", make_rule_maker("fixed-z", DEFAULT)),
    ]
    rows = []
    for name, make in rules:
        runs = (RUNS if name == "meshsplit" else 100) // scale
        outage = study(where, make, runs)
        healthy = study(world(50, 0.01, 0.01), make, (RUNS if name != "Kayenta, 60 m" else 200) // scale)
        twice = study(world(50, 0.01, 0.02), make, (RUNS if name != "Kayenta, 60 m" else 200) // scale)
        rows.append(
            (
                name,
                figure(outage.excess_failures),
                minutes(outage.seconds_to_rollback),
                percent(healthy.rolled_back),
                minutes(healthy.seconds_to_promote),
                percent(twice.promoted),
                figure(twice.excess_failures),
            )
        )
    lagged = study(replace(where, lag=30.0), ours(DEFAULT), RUNS // scale)
    rows.append(
        ("meshsplit, 30 s lag", figure(lagged.excess_failures), minutes(lagged.seconds_to_rollback), *"----")
    )
    say("50 req/s, 1 % errors of stable, by rule:\n")
    say_table(
        [
            "rule",
            "excess failures in a 50 % outage",
            "outage noticed after, min",
            "healthy rolled back, %",
            "healthy promoted after, min",
            "2x promoted, %",
            "2x excess failures",
        ],
        rows,
    )
    least = ", ".join(f"{least_excess_failures(r, 0.01):.1f} ({r:g}x)" for r in (1.5, 2.0, 5.0, 20.0))
    say(f"No rule with 1 % false rollbacks needs fewer excess failures than {least}.\n")


def say_bursts(scale: int) -> None:
    """Bursty errors, with the guard and without."""
    rows = []
    for icc in (0.0, 0.001, 0.01, 0.05):
        where = world(50, 0.01, 0.01, icc=icc)
        runs = COSTLY_RUNS // scale
        guarded = study(where, lambda w, c: make_ours(DEFAULT, w, c), 2 * runs)
        bare = study(where, lambda w, c: make_ours(DEFAULT, w, c, guard=False), runs)
        twice = study(replace(where, canary=(Phase(0.02),)), ours(DEFAULT), runs)
        rows.append(
            (
                f"{icc:g}",
                percent(guarded.rolled_back),
                percent(bare.rolled_back),
                minutes(guarded.seconds_to_promote),
                minutes(twice.seconds_to_rollback),
                percent(twice.promoted),
            )
        )
    say("Bursts: 50 req/s, 1 % errors, ICC estimated from 4 h of stable in two halves:\n")
    say_table(
        [
            "ICC",
            "healthy rolled back, %",
            "the same without the guard, %",
            "healthy promoted after, min",
            "2x rolled back after, min",
            "2x promoted, %",
        ],
        rows,
    )


def say_trouble(scale: int) -> None:
    """Faults that depend on load or begin late, and errors that drift."""
    cases: list[tuple[str, World]] = [
        ("healthy, both rates swing by 50 % an hour", world(50, 0.01, 0.01, drift=0.5)),
        ("3 % from a weight of 25 % on", World(50, (Phase(0.01),), (Phase(0.01), Phase(0.03, 250)))),
        ("2.5 % after 2 min", World(50, (Phase(0.01),), (Phase(0.01), Phase(0.025, after=120.0)))),
    ]
    rows = []
    for name, where in cases:
        found = study(where, ours(DEFAULT), RUNS // scale)
        rows.append(
            (
                name,
                percent(found.rolled_back),
                percent(found.promoted),
                minutes(found.seconds_to_promote),
                minutes(found.seconds_to_rollback),
            )
        )
    late = World(50, (Phase(0.01),), (Phase(0.01), Phase(0.02, after=1800.0)))
    held = Course(
        Rules((replace(DEFAULT.rules.metrics[0], safe=None),)), Ramp(steps=(333,)), deadline=math.inf
    )
    found = study(late, ours(held), RUNS // (2 * scale))
    after = Mean((found.seconds_to_rollback.value or 0) - 1800, found.seconds_to_rollback.error, found.runs)
    rows.append(
        (
            "2x after 30 healthy min at 33 %, time from then",
            percent(found.rolled_back),
            "-",
            "-",
            minutes(after),
        )
    )
    say("Other trouble, 50 req/s:\n")
    say_table(
        ["world", "rolled back, %", "promoted, %", "promoted after, min", "rolled back after, min"], rows
    )


def say_cost() -> None:
    """Seconds of one read of one metric, and of a plan."""
    rules, read = DEFAULT.rules, Read(50, {"error-rate": (Counts(38, 0, 712, 7),)})
    known = {"error-rate": (Past(90_000, 900),)}

    def first_reads() -> None:
        trial = begin(rules, known)
        for _ in range(20):
            trial, _ = step(trial, read, rules)

    settled, _ = step(begin(rules, known), read, rules)
    for _ in range(200):
        settled, _ = step(settled, read, rules)
    rows = [
        ("a read, average over the first 20", f"{1e3 * timed(first_reads, 50) / 20:.3f} ms"),
        ("a read later on", f"{1e3 * timed(lambda: step(settled, read, rules), 2000):.3f} ms"),
        ("a plan, 50 req/s", f"{1e3 * timed(lambda: make_plan(DEFAULT, Conditions(50, 0.01)), 5):.0f} ms"),
    ]
    say("Cost, CPU seconds:\n")
    say_table(["what", "time"], rows)


def timed(work: Callable[[], object], times: int) -> float:
    """Seconds of CPU, the least of five averages: what the work takes when nothing disturbs it."""
    averages = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            work()
        averages.append((time.process_time() - start) / times)
    return min(averages)


def main() -> None:
    scale = QUICK if parse_quick(__doc__, "a tenth of the rollouts") else 1
    started = time.process_time()
    say_header(
        "The decision rule", f"reads every 15 s, Poisson arrivals; seed {SEED}; ± one Monte-Carlo error"
    )
    say_mistakes(scale)
    say_bound(scale)
    say_outage(scale)
    say_bursts(scale)
    say_trouble(scale)
    say_latency(SEED, scale)
    say_cost()
    say(f"{time.process_time() - started:.0f} s of one core.")


if __name__ == "__main__":
    main()
