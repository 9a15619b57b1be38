from dataclasses import replace
from typing import Any

import pytest

from meshsplit.istio.fleet import estimate_cpu, find_crowded_hosts
from meshsplit.model import GroupKey
from support.istio import make_group, make_routing, model_mesh, write_group, write_model


def make_fleet(count: int, host: str = "*") -> list[dict[str, Any]]:
    routing = make_routing(hosts=(host,))
    group = make_group(model_mesh("a"), model_mesh("b"), routing=routing)
    return [write_group(replace(group, key=GroupKey("ns", f"g{n}")), a=80, b=20) for n in range(count)]


def test_201_groups_on_one_host_are_noted_with_the_cost() -> None:
    (finding,) = find_crowded_hosts(make_fleet(201))
    assert finding.code == "MSP206"
    assert "201 groups share host * on gateway istio-system/ingress" in finding.message
    assert "about 0.3 ms" in finding.message


def test_200_groups_on_each_of_two_hosts_are_not() -> None:
    assert find_crowded_hosts([*make_fleet(200), *make_fleet(200, "b.io")]) == ()


def test_single_models_are_not_groups() -> None:
    assert find_crowded_hosts([*make_fleet(200), *(write_model(f"m{n}") for n in range(50))]) == ()


@pytest.mark.parametrize(
    ("groups", "milliseconds"),
    [(10, 0.13), (505, 0.665), (1000, 1.2), (3000, 2.9), (5000, 4.6), (9000, 8.0)],
)
def test_the_cost_is_interpolated_between_the_measured_points(groups: int, milliseconds: float) -> None:
    assert estimate_cpu(groups) == pytest.approx(milliseconds)
