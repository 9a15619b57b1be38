"""What one more group on a host costs a gateway: CPU per request for the last of N groups.

Needs Linux, the extra `local` and the load generator wrk on PATH.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import wrk
from bench.backend import Backend, running_backend
from bench.cpu import wait_until_quiet
from bench.fleet import (
    GROUPS_A_NAMESPACE,
    SHARED,
    TEMPLATE,
    make_group,
    make_member_models,
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

from meshsplit.local.gateway import APPLY_SECONDS, Gateway, MissingExtra
from meshsplit.model import RestStrategy

Objects = list[dict[str, Any]]

SIZES, QUICK_SIZES = (10, 1_000, 5_000), (10, 1_000)
CONNECTIONS = 4  # a request costs milliseconds here, and one that wrk breaks off at its end is not counted
FULL, QUICK = Plan(5, 3.0, CONNECTIONS), Plan(3, 2.0, CONNECTIONS)
_QUIET_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to write a fleet of N groups; `earlier` has the earlier figures: milliseconds by N."""

    name: str
    write: Callable[[int], Objects]
    earlier: dict[int, str]
    template: str = SHARED
    plain: bool = False


def _write_plain(size: int) -> Objects:
    return write([], [make_plain_model(number) for number in range(size)])


def _write_singlehop(size: int) -> Objects:
    return write([make_group(number, RestStrategy.SINGLE_HOP) for number in range(size)])


def _write_loopback(size: int) -> Objects:
    return write([make_group(number, RestStrategy.LOOPBACK) for number in range(size)])


def _write_templated(size: int) -> Objects:
    return write([make_group(number, RestStrategy.SINGLE_HOP, TEMPLATE) for number in range(size)])


def _write_with_members(size: int) -> Objects:
    groups = [make_group(number, RestStrategy.SINGLE_HOP) for number in range(size)]
    return write(groups, [model for group in groups for model in make_member_models(group)])


PLAIN = "plain route per model"
# An earlier measurement: Envoy 1.40 fed by istiod 1.29.1, groups alone, milliseconds.
SHAPES = (
    Shape(PLAIN, _write_plain, {10: "0.29", 1_000: "0.37", 5_000: "1.04"}, plain=True),
    Shape("SingleHop", _write_singlehop, {10: "0.31", 1_000: "2.2", 5_000: "9.0"}),
    Shape("Loopback", _write_loopback, {10: "0.50", 1_000: "2.2", 5_000: "14.7"}),
    Shape(
        f"SingleHop, {GROUPS_A_NAMESPACE} groups a host",
        _write_templated,
        {10: "-", 1_000: "0.48", 5_000: "0.51"},
        TEMPLATE,
    ),
    Shape("SingleHop, members exposed too", _write_with_members, dict.fromkeys(SIZES, "-")),
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The figures of one N: routes on the busiest host and seconds until Envoy served them, by shape."""

    routes: dict[str, int]
    apply_seconds: dict[str, float]
    rounds: Rounds


def main() -> int:
    """Print the tables; 2 when something that it needs is not installed."""
    quick = parse_quick(__doc__, f"{QUICK_SIZES} groups and {QUICK}, instead of {SIZES} and {FULL}")
    plan, sizes = (QUICK, QUICK_SIZES) if quick else (FULL, SIZES)
    try:
        generator = f"wrk {wrk.get_version()}"
        fleets = {size: _run(size, plan) for size in sizes}
    except (wrk.MissingTool, MissingExtra) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    say_header("Gateway: fleet size", generator, str(plan))
    _say_fleets(fleets)
    return 0


def _run(size: int, plan: Plan) -> Fleet:
    """Every shape in an Envoy of its own; those whose turn it is not stand idle."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        backend = stack.enter_context(running_backend(folder / "backend"))
        variants, routes, seconds = [], {}, {}
        for index, shape in enumerate(SHAPES):
            gateway = stack.enter_context(Gateway.start(folder / f"gateway-{index}", 0))
            routes[shape.name], seconds[shape.name] = _serve(shape, size, gateway, backend)
            variants.append(_make_variant(shape, size - 1, gateway))
            require_models(variants[-1])
        for variant in variants:
            wait_until_quiet(variant.gateway_pid, _QUIET_SECONDS)
        return Fleet(routes, seconds, measure_in_rounds(variants, plan, backend.pid, folder))


def _serve(shape: Shape, size: int, gateway: Gateway, backend: Backend) -> tuple[int, float]:
    """The number of routes on the busiest host, and the seconds from the written mesh to its first answer."""
    mesh = make_mesh(shape.write(size), backend.port, gateway.port)
    start = time.monotonic()
    gateway.apply(mesh)
    seconds = time.monotonic() - start
    return max(len(host["routes"]) for host in mesh.routes["virtual_hosts"]), seconds


def _make_variant(shape: Shape, number: int, gateway: Gateway) -> Variant:
    return Variant(
        name=shape.name,
        gateway_pid=gateway.pid,
        gateway_port=gateway.port,
        host=to_host(number, shape.template),
        path=to_path(number),
        models=frozenset([to_key(number).name] if shape.plain else to_members(number)),
    )


def _say_fleets(fleets: dict[int, Fleet]) -> None:
    names = [shape.name for shape in SHAPES]
    say("Gateway CPU a request for the last of N groups, ms; in brackets an earlier one, through istiod:\n")
    rows = [
        [f"{size:,}", *(_to_cell(shape, size, fleet) for shape in SHAPES)] for size, fleet in fleets.items()
    ]
    say_table(["N groups", *names], rows)
    say("The same as ratio to the plain route of the same N and round:\n")
    rows = [
        [f"{size:,}", *(fleet.rounds.ratios(name, PLAIN, "cpu").show(2) for name in names)]
        for size, fleet in fleets.items()
    ]
    say_table(["N groups", *names], rows)
    say(f"Routes on the busiest host, and seconds until Envoy served them (limit {APPLY_SECONDS:g}):\n")
    rows = [
        [f"{size:,}", *(f"{fleet.routes[name]:,} in {fleet.apply_seconds[name]:.2f} s" for name in names)]
        for size, fleet in fleets.items()
    ]
    say_table(["N groups", *names], rows)
    for size, fleet in fleets.items():
        say(f"N = {size:,}: {fleet.rounds}")


def _to_cell(shape: Shape, size: int, fleet: Fleet) -> str:
    return f"{fleet.rounds.spread(shape.name, 'cpu').show(2, 1e3)} [{shape.earlier[size]}]"


if __name__ == "__main__":
    sys.exit(main())
