"""What the local mesh tells a sidecar."""

from collections.abc import Mapping
from typing import Any

import pytest

from meshsplit.local.mesh import Service, ServicePort, read_objects, to_sidecar
from support.mesh_objects import GATEWAY, ONE, TWO, make_destination_rule, make_virtual_service, to


def sidecar(*objects: Mapping[str, Any], services: tuple[Service, ...]) -> dict[str, list[dict[str, Any]]]:
    """A sidecar's routes by domain."""
    config = to_sidecar(read_objects(objects), services)
    return {domain: host["routes"] for host in config.routes["virtual_hosts"] for domain in host["domains"]}


def clusters_of(routes: list[dict[str, Any]]) -> list[str]:
    return [route["route"]["cluster"] for route in routes]


class TestSidecars:
    SERVICE = Service(ONE, (ServicePort(80, False, ()), ServicePort(8033, True, ())))

    def test_every_port_of_a_service_is_reached_by_its_names(self) -> None:
        routes = sidecar(services=(self.SERVICE,))
        names = ("one.ns", "one.ns.svc", ONE)
        assert routes.keys() == {*names, *(f"{name}:{port}" for name in names for port in (80, 8033))}
        assert {clusters_of(routes[name])[0] for name in names} == {f"outbound|80||{ONE}"}
        assert clusters_of(routes["one.ns:8033"]) == [f"outbound|8033||{ONE}"]
        assert routes[ONE][0]["route"]["retry_policy"]["num_retries"] == 2

    @pytest.mark.parametrize("gateways", [["mesh"], [GATEWAY, "mesh"], []])
    def test_a_route_that_is_bound_to_the_mesh_is_followed(self, gateways: list[str]) -> None:
        route = make_virtual_service(to(TWO), hosts=["one"], gateways=gateways)
        assert clusters_of(sidecar(route, services=(self.SERVICE,))[ONE]) == [f"outbound|80||{TWO}"]

    def test_a_route_of_a_gateway_alone_is_not(self) -> None:
        route = make_virtual_service(to(TWO), hosts=["one"], gateways=[GATEWAY])
        assert clusters_of(sidecar(route, services=(self.SERVICE,))[ONE]) == [f"outbound|80||{ONE}"]

    def test_a_match_for_a_gateway_is_left_out(self) -> None:
        http = [to(TWO, match=[{"gateways": [GATEWAY]}]), to(ONE, match=[{"gateways": ["mesh"]}])]
        route = make_virtual_service(*http, hosts=["one"], gateways=[GATEWAY, "mesh"])
        assert clusters_of(sidecar(route, services=(self.SERVICE,))[ONE]) == [f"outbound|80||{ONE}"]

    def test_of_two_routes_for_one_host_the_older_counts_alone(self) -> None:
        older = {"name": "z", "creationTimestamp": "2026-01-01T00:00:00Z"}
        younger = {"name": "a", "creationTimestamp": "2026-01-02T00:00:00Z"}
        routes = [
            make_virtual_service(
                to(ONE, match=[{"uri": {"exact": "/x"}}]), hosts=["one"], gateways=[], metadata=older
            ),
            make_virtual_service(to(TWO), hosts=["one"], gateways=[], metadata=younger),
        ]
        assert clusters_of(sidecar(*routes, services=(self.SERVICE,))[ONE]) == [f"outbound|80||{ONE}"]

    def test_a_wildcard_covers_services_and_yields_to_a_name(self) -> None:
        wide = make_virtual_service(to(TWO), hosts=["*.ns.svc.cluster.local"], gateways=["mesh"])
        routes = sidecar(wide, services=(self.SERVICE, Service(TWO, (ServicePort(80, False, ()),))))
        assert clusters_of(routes[ONE]) == clusters_of(routes[TWO]) == [f"outbound|80||{TWO}"]
        own = make_virtual_service(to(ONE), hosts=["one"], gateways=["mesh"], metadata={"name": "w"})
        assert clusters_of(sidecar(wide, own, services=(self.SERVICE,))[ONE]) == [f"outbound|80||{ONE}"]

    def test_a_host_that_is_no_service_is_known_on_port_80(self) -> None:
        route = make_virtual_service(to(ONE), hosts=["models.example"], gateways=["mesh"])
        routes = sidecar(route, services=())
        assert routes.keys() == {"models.example", "models.example:80"}

    def test_a_plain_route_hashes_as_the_rule_says(self) -> None:
        rule = make_destination_rule(
            ONE, trafficPolicy={"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}}
        )
        (route,) = sidecar(rule, services=(self.SERVICE,))[ONE]
        assert route["route"]["hash_policy"] == [{"header": {"header_name": "x-user"}}]
        assert "retry_host_predicate" not in route["route"]["retry_policy"]
