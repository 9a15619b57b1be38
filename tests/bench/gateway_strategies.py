"""What SingleHop and Loopback cost a gateway, beside a plain route in the same Envoy.

Needs Linux, the extra `local` and the load generator wrk on PATH.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import wrk
from bench.backend import Backend, running_backend
from bench.cpu import wait_until_quiet
from bench.fleet import (
    GROUPS_A_NAMESPACE,
    TEMPLATE,
    make_group,
    make_mesh,
    make_plain_model,
    to_host,
    to_key,
    to_members,
    to_path,
    write,
)
from bench.report import parse_quick, say, say_header, say_table
from bench.rounds import Plan, Rounds, Variant, measure_in_rounds, require_models

from meshsplit.local.gateway import Gateway, MissingExtra
from meshsplit.model import RestStrategy

PLAIN, SINGLE_HOP, LOOPBACK = "plain route", "SingleHop 80/20", "Loopback 80/20"

# An earlier measurement, Envoy 1.40: ratios to a plain route.
DESIGN_CPU = {PLAIN: "1", SINGLE_HOP: "1.00", LOOPBACK: "1.25-1.34"}
DESIGN_RATE = {PLAIN: "1", SINGLE_HOP: "-", LOOPBACK: "0.70"}

CONNECTIONS = 16  # enough to keep one worker of Envoy busy all the time
FULL, QUICK = Plan(15, 2.0, CONNECTIONS), Plan(3, 2.0, CONNECTIONS)
_QUIET_SECONDS = 30.0

# Each variant is alone on a host of its own, so that no other variant's routes are tried first.
_NUMBERS = {name: index * GROUPS_A_NAMESPACE for index, name in enumerate((PLAIN, SINGLE_HOP, LOOPBACK))}


def main() -> int:
    """Print the table; 2 when something that it needs is not installed."""
    plan = QUICK if parse_quick(__doc__, f"{QUICK} instead of {FULL}") else FULL
    try:
        generator = f"wrk {wrk.get_version()}"
        rounds = _run(plan)
    except (wrk.MissingTool, MissingExtra) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    say_header("Gateway: REST strategies", generator, str(plan))
    _say_rounds(rounds)
    return 0


def _run(plan: Plan) -> Rounds:
    with (
        tempfile.TemporaryDirectory() as name,
        running_backend(Path(name) / "backend") as backend,
        Gateway.start(Path(name) / "gateway", 0) as gateway,
    ):
        variants = _serve(gateway, backend)
        for variant in variants:
            require_models(variant)
        wait_until_quiet(gateway.pid, _QUIET_SECONDS)
        return measure_in_rounds(variants, plan, backend.pid, Path(name))


def _serve(gateway: Gateway, backend: Backend) -> list[Variant]:
    groups = [
        make_group(_NUMBERS[SINGLE_HOP], RestStrategy.SINGLE_HOP, TEMPLATE),
        make_group(_NUMBERS[LOOPBACK], RestStrategy.LOOPBACK, TEMPLATE),
    ]
    objects = write(groups, [make_plain_model(_NUMBERS[PLAIN], TEMPLATE)])
    gateway.apply(make_mesh(objects, backend.port, gateway.port))
    return [
        Variant(
            name=name,
            gateway_pid=gateway.pid,
            gateway_port=gateway.port,
            host=to_host(number, TEMPLATE),
            path=to_path(number),
            models=frozenset([to_key(number).name] if name == PLAIN else to_members(number)),
        )
        for name, number in _NUMBERS.items()
    ]


def _say_rounds(rounds: Rounds) -> None:
    header = (
        "route",
        "gateway CPU a request, µs",
        "ratio to plain",
        "earlier",
        "requests/s",
        "ratio to plain",
        "earlier",
        "cores: gateway",
        "cores: backend",
    )
    rows = [
        (
            name,
            rounds.spread(name, "cpu").show(1, 1e6),
            rounds.ratios(name, PLAIN, "cpu").show(2),
            DESIGN_CPU[name],
            rounds.spread(name, "rate").show(0),
            rounds.ratios(name, PLAIN, "rate").show(2),
            DESIGN_RATE[name],
            rounds.spread(name, "gateway_cores").show(2),
            rounds.spread(name, "backend_cores").show(2),
        )
        for name in rounds.samples
    ]
    say_table(header, rows)
    say(f"{rounds} A gateway below 0.9 cores was not saturated: its requests/s are then the machine's.")


if __name__ == "__main__":
    sys.exit(main())
