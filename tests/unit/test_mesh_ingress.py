"""Ingresses as the local gateway serves them."""

from collections.abc import Mapping
from typing import Any

import pytest

from meshsplit.local.mesh import Service, ServicePort, UnsupportedField, to_mesh
from support.mesh_objects import ONE, PORT, TWO, routes_of, translate


def make_ingress(*paths: Mapping[str, Any], name: str = "i", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "ns", **spec.pop("metadata", {})},
        "spec": {"rules": [{"host": "a.example", "http": {"paths": list(paths)}}], **spec},
    }


def to_backend(name: str = "one", path: str = "/", kind: str = "Prefix", **port: Any) -> dict[str, Any]:
    """A path of an Ingress to a Service's port, 80 unless given."""
    service = {"name": name, "port": port or {"number": 80}}
    return {"path": path, "pathType": kind, "backend": {"service": service}}


def matches_of(*paths: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is compared with a request's path, in order."""
    routes = translate(make_ingress(*paths))
    return [{key: it for key, it in route["match"].items() if key != "case_sensitive"} for route in routes]


def to_named(port: str) -> dict[str, Any]:
    return to_backend(name="one") | {"backend": {"service": {"name": "one", "port": {"name": port}}}}


class TestIngresses:
    def test_the_root_covers_every_path(self) -> None:
        assert matches_of(to_backend()) == [{"prefix": "/"}]

    def test_a_prefix_is_of_whole_segments(self) -> None:
        assert matches_of(to_backend(path="/v2/")) == [{"path": "/v2"}, {"prefix": "/v2/"}]

    def test_the_longest_path_comes_first_and_of_equal_ones_an_exact_one(self) -> None:
        paths = [
            to_backend(),
            to_backend(path="/v2"),
            to_backend(path="/v2", kind="Exact"),
            to_backend(path="/v2/x"),
        ]
        assert matches_of(*paths) == [
            {"path": "/v2/x"},
            {"prefix": "/v2/x/"},
            {"path": "/v2"},
            {"path": "/v2"},
            {"prefix": "/v2/"},
            {"prefix": "/"},
        ]

    @pytest.mark.parametrize(
        ("path", "match"),
        [
            ("/a", {"path": "/a"}),
            ("/a/*", {"prefix": "/a"}),
            ("/a.*", {"prefix": "/a"}),
            ("", {"prefix": "/"}),
        ],
    )
    def test_a_path_of_no_type_is_exact_but_for_its_wildcard(self, path: str, match: dict[str, str]) -> None:
        assert matches_of(to_backend(path=path, kind="ImplementationSpecific")) == [match]

    def test_two_ingresses_share_a_host(self) -> None:
        mesh = to_mesh(
            [make_ingress(to_backend(path="/a")), make_ingress(to_backend("two", "/a/b"), name="j")], [], PORT
        )
        clusters = [route["route"]["cluster"] for route in routes_of(mesh)]
        assert clusters == [f"outbound|80||{TWO}"] * 2 + [f"outbound|80||{ONE}"] * 2

    def test_a_port_may_be_named(self) -> None:
        service = Service(ONE, (ServicePort(7, False, ()), ServicePort(8, False, (), "web")))
        (route,) = translate(make_ingress(to_named("web")), services=(service,))
        assert route["route"]["cluster"] == f"outbound|8||{ONE}"

    def test_a_path_to_a_port_that_no_service_has_by_that_name_is_left_out(self) -> None:
        mesh = to_mesh([make_ingress(to_named("web"))], [Service(ONE, (ServicePort(8, False, ()),))], PORT)
        assert mesh.routes["virtual_hosts"] == [{"name": f"blackhole:{PORT}", "domains": ["*"]}]

    @pytest.mark.parametrize(
        ("spec", "served"),
        [
            ({}, True),
            ({"ingressClassName": "istio"}, True),
            ({"ingressClassName": "nginx"}, False),
            ({"metadata": {"annotations": {"kubernetes.io/ingress.class": "nginx"}}}, False),
        ],
    )
    def test_another_controllers_class_is_not_served(self, spec: dict[str, Any], served: bool) -> None:
        hosts = to_mesh([make_ingress(to_backend(), **spec)], [], PORT).routes["virtual_hosts"]
        assert ("a.example" in hosts[0]["domains"]) is served

    def test_is_served_whatever_gateways_there_are(self) -> None:
        gateway = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "other", "namespace": "ns"},
        }
        assert routes_of(to_mesh([make_ingress(to_backend()), gateway], [], PORT))

    def test_a_field_that_is_not_known_is_named(self) -> None:
        backend = {"path": "/", "pathType": "Prefix", "backend": {"resource": {}}}
        with pytest.raises(UnsupportedField, match=r"Ingress ns/i: .*backend\.resource: the local mesh"):
            to_mesh([make_ingress(backend)], [], PORT)
