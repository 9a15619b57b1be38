"""What the local mesh makes of Istio objects, beyond the recorded cases."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from meshsplit.local.mesh import UnsupportedField, to_mesh
from meshsplit.local.mesh.durations import to_envoy_duration
from support.mesh_objects import (
    GATEWAY,
    ONE,
    PORT,
    TWO,
    make_destination_rule,
    make_service,
    make_virtual_service,
    routes_of,
    to,
    translate,
    translate_route,
)


class TestUnknownFields:
    @pytest.mark.parametrize(
        ("http", "path"),
        [
            (to(fault={}), r"spec\.http\[0\]\.fault"),
            (to(match=[{}, {"port": 80}]), r"spec\.http\[0\]\.match\[1\]\.port"),
            (to(retries={"attempt": 1}), r"spec\.http\[0\]\.retries\.attempt"),
            (to(match=[{"headers": {"x-a": {"suffix": "b"}}}]), r"\.headers\.x-a\.suffix"),
        ],
    )
    def test_are_named_with_their_object(self, http: dict[str, Any], path: str) -> None:
        with pytest.raises(UnsupportedField, match=rf"VirtualService ns/v: .*{path}: the local mesh"):
            translate(make_virtual_service(http))

    def test_at_the_top_of_the_spec(self) -> None:
        with pytest.raises(UnsupportedField, match=r"spec\.tcp: .*; spec\.tls: "):
            translate(make_virtual_service(to(), tcp=[], tls=[]))

    def test_of_a_destination_rule(self) -> None:
        rule = make_destination_rule(ONE, trafficPolicy={"tls": {"mode": "DISABLE"}})
        with pytest.raises(UnsupportedField, match=r"DestinationRule ns/d: spec\.trafficPolicy\.tls"):
            translate(make_virtual_service(to()), rule)

    @pytest.mark.parametrize(
        ("http", "reason"),
        [
            (to(timeout="soon"), "not a duration"),
            (to(weight="80"), "weight"),
            ({"name": "nothing"}, "exactly one of route, redirect"),
            (to(redirect={"uri": "/"}), "exactly one of route, redirect"),
            ({"route": [{"destination": {"host": ONE}}, {"destination": {"host": TWO}}]}, "not all be 0"),
            (to(match=[{"uri": {"exact": "/", "prefix": "/"}}]), "only one of exact, prefix and regex"),
            (to(match=[{"headers": {"@request.auth.claims.sub": {"exact": "a"}}}]), "no JWT claims"),
        ],
    )
    def test_values_that_make_no_sense(self, http: dict[str, Any], reason: str) -> None:
        with pytest.raises(UnsupportedField, match=reason):
            translate(make_virtual_service(http))

    def test_null_is_unset(self) -> None:
        assert translate_route(match=None, timeout=None, headers={"request": None}) == translate_route()

    def test_other_kinds_and_groups_are_ignored(self) -> None:
        foreign = {**make_virtual_service({"unknown": 1}), "apiVersion": "example.com/v1"}
        other = {**make_virtual_service({"unknown": 1}), "kind": "Sidecar"}
        older = {**make_virtual_service(to()), "apiVersion": "networking.istio.io/v1alpha3"}
        assert len(translate(foreign, other, older)) == 1


class TestWhatIsServed:
    def test_nothing_answers_404(self) -> None:
        mesh = to_mesh([], [], PORT)
        assert mesh.routes["virtual_hosts"] == [{"name": "blackhole:8080", "domains": ["*"]}]

    @pytest.mark.parametrize("gateways", [[], ["mesh"]])
    def test_routes_for_sidecars_only_are_not(self, gateways: list[str]) -> None:
        mesh = to_mesh([make_virtual_service(to(), gateways=gateways)], [], PORT)
        assert mesh.routes["virtual_hosts"][0]["name"] == "blackhole:8080"

    def test_with_gateways_known_only_theirs(self) -> None:
        gateway = {
            "apiVersion": "networking.istio.io/v1beta1",
            "kind": "Gateway",
            "metadata": {"name": "mine", "namespace": "ns"},
        }
        services = [
            make_virtual_service(to(name=name), gateways=[gateway_name], metadata={"name": name})
            for name, gateway_name in [("a", "mine"), ("b", "ns/mine"), ("c", GATEWAY), ("d", "./mine")]
        ]
        assert [it["name"] for it in translate(gateway, *services)] == ["a", "b", "d"]

    def test_a_match_for_another_gateway_is_left_out(self) -> None:
        matches = [{"gateways": ["mesh"]}, {"gateways": [GATEWAY], "uri": {"exact": "/a"}}]
        (route,) = translate(make_virtual_service(to(match=matches), gateways=["mesh", GATEWAY]))
        assert route["match"]["path"] == "/a"

    def test_what_follows_a_route_for_everything_is_never_reached(self) -> None:
        assert [it.get("name") for it in translate(make_virtual_service(to(name="all"), to(name="x")))] == [
            "all"
        ]

    def test_older_first_then_names_and_what_does_not_exist_yet_last(self) -> None:
        # PyYAML reads an unquoted timestamp as a datetime.
        ages = {
            "younger": datetime(2026, 2, 1, tzinfo=UTC),
            "new-b": None,
            "new-a": None,
            "older": "2026-01-01T00:00:00Z",
        }
        objects = [
            make_virtual_service(
                to(name=name, match=[{"uri": {"exact": "/"}}]),
                metadata={"name": name, "creationTimestamp": age},
            )
            for name, age in ages.items()
        ]
        assert [it["name"] for it in translate(*objects)] == ["older", "younger", "new-a", "new-b"]

    def test_hosts_with_the_same_routes_share_a_virtual_host(self) -> None:
        objects = [
            make_virtual_service(to(), hosts=["b.example.com", "A.example.com", "*.example.com", "short"]),
            make_virtual_service(to(TWO), hosts=["*"], metadata={"name": "w"}),
        ]
        hosts = to_mesh(objects, [], PORT).routes["virtual_hosts"]
        assert [(it["name"], it["domains"]) for it in hosts] == [
            ("*:8080", ["*"]),
            (
                "short.ns.svc.cluster.local:8080",
                ["short.ns.svc.cluster.local", "a.example.com", "b.example.com", "*.example.com"],
            ),
        ]


class TestMatches:
    def test_each_match_is_a_route(self) -> None:
        matches = [{"name": "a", "uri": {"exact": "/a"}}, {"uri": {"prefix": "/b"}}]
        routes = translate(make_virtual_service(to(name="r", match=matches)))
        assert [it["name"] for it in routes] == ["r.a", "r"]
        assert [it["match"] for it in routes] == [
            {"path": "/a", "case_sensitive": True},
            {"prefix": "/b", "case_sensitive": True},
        ]

    def test_presence_and_absence(self) -> None:
        match = {
            "headers": {"x-b": {"regex": "*"}, "x-a": {}},
            "withoutHeaders": {"x-c": {}},
            "queryParams": {"q": {}},
        }
        assert translate_route(match=[match])["match"] == {
            "prefix": "/",
            "case_sensitive": True,
            "headers": [
                {"name": "x-a", "present_match": True},
                {"name": "x-b", "present_match": True},
                # Envoy refuses treat_missing_header_as_empty here.
                {"name": "x-c", "present_match": True, "invert_match": True},
            ],
            "query_parameters": [{"name": "q", "present_match": True}],
        }


class TestHeaders:
    @pytest.mark.parametrize("name", ["Host", "host", ":authority"])
    def test_a_host_that_is_set_is_a_rewrite(self, name: str) -> None:
        route = translate_route(
            headers={"request": {"set": {name: "a.example", "x-a": "1"}, "remove": [name]}}
        )
        assert route["route"]["host_rewrite_literal"] == "a.example"
        assert [it["header"]["key"] for it in route["request_headers_to_add"]] == ["x-a"]
        assert "request_headers_to_remove" not in route

    def test_of_a_weighted_destination_the_rewrite_is_its_own(self) -> None:
        destinations = [
            {"destination": {"host": host}, "weight": 50, "headers": {"request": {"set": {"Host": host}}}}
            for host in (ONE, TWO)
        ]
        (route,) = translate(make_virtual_service({"route": destinations}))
        clusters = route["route"]["weighted_clusters"]["clusters"]
        assert [it["host_rewrite_literal"] for it in clusters] == [ONE, TWO]
        assert "host_rewrite_literal" not in route["route"]

    def test_the_routes_rewrite_wins_over_its_headers_and_they_over_the_destinations(self) -> None:
        def rewrite_of(**fields: Any) -> str:
            destination = {"destination": {"host": ONE}, "headers": {"request": {"set": {"host": "inner"}}}}
            (route,) = translate(make_virtual_service({"route": [destination], **fields}))
            return str(route["route"]["host_rewrite_literal"])

        outer = {"request": {"set": {"host": "outer"}}}
        assert rewrite_of() == "inner"
        assert rewrite_of(headers=outer) == "outer"
        assert rewrite_of(headers=outer, rewrite={"authority": "rewritten"}) == "rewritten"

    def test_the_only_destinations_operations_follow_the_routes(self) -> None:
        destination = {
            "destination": {"host": ONE},
            "headers": {"request": {"set": {"x-a": "2"}}, "response": {"remove": ["x-b"]}},
        }
        outer = {"request": {"set": {"x-z": "1", "x-y": "1"}, "add": {"x-c": "1"}}}
        (route,) = translate(make_virtual_service({"route": [destination], "headers": outer}))
        assert [it["header"]["key"] for it in route["request_headers_to_add"]] == ["x-y", "x-z", "x-c", "x-a"]
        assert route["response_headers_to_remove"] == ["x-b"]


class TestActions:
    @pytest.mark.parametrize(
        ("redirect", "expected"),
        [
            ({"authority": "a"}, {"path_redirect": "", "host_redirect": "a"}),
            ({"uri": "/b", "redirectCode": 301}, {"path_redirect": "/b"}),
            (
                {"uri": "/b", "redirectCode": 308},
                {"path_redirect": "/b", "response_code": "PERMANENT_REDIRECT"},
            ),
            (
                {"scheme": "https", "port": 443},
                {"path_redirect": "", "scheme_redirect": "https"},
            ),
            ({"port": 443}, {"path_redirect": "", "port_redirect": 443}),
            ({"derivePort": "FROM_REQUEST_PORT"}, {"path_redirect": "", "port_redirect": PORT}),
        ],
    )
    def test_redirects(self, redirect: dict[str, Any], expected: dict[str, Any]) -> None:
        (route,) = translate(make_virtual_service({"redirect": redirect}))
        assert route["redirect"] == expected

    def test_direct_responses(self) -> None:
        responses: list[dict[str, Any]] = [{"status": 204}, {"status": 200, "body": {"bytes": "YQ=="}}]
        http = [{"match": [{"uri": {"exact": "/"}}], "directResponse": it} for it in responses]
        assert [it["direct_response"] for it in translate(make_virtual_service(*http))] == [
            {"status": 204},
            {"status": 200, "body": {"inline_bytes": "YQ=="}},
        ]

    def test_retries_over_the_defaults(self) -> None:
        retries = {"attempts": 3, "retryOn": "5xx, 503,429", "perTryTimeout": "1.5s", "backoff": "25ms"}
        policy = translate_route(retries=retries)["route"]["retry_policy"]
        assert policy["num_retries"] == 3
        assert policy["retry_on"] == "5xx,retriable-status-codes"
        assert policy["retriable_status_codes"] == [503, 429]
        assert policy["per_try_timeout"] == "1.500s"
        assert policy["retry_back_off"] == {"base_interval": "0.025s"}
        assert policy["retry_host_predicate"]

    def test_retries_without_attempts_are_none(self) -> None:
        assert "retry_policy" not in translate_route(retries={"retryOn": "5xx"})["route"]

    def test_retries_may_keep_to_a_host(self) -> None:
        retries = {"attempts": 1, "retryIgnorePreviousHosts": False}
        assert "retry_host_predicate" not in translate_route(retries=retries)["route"]["retry_policy"]

    def test_mirrors_everything_unless_told(self) -> None:
        mirror = {"host": TWO, "port": {"number": 80}}
        (policy,) = translate_route(mirror=mirror)["route"]["request_mirror_policies"]
        assert policy["runtime_fraction"] == {"default_value": {"numerator": 100}}
        none = translate_route(mirror=mirror, mirrorPercentage={"value": 0})
        assert "request_mirror_policies" not in none["route"]

    def test_a_destination_without_port_takes_the_services_only_one(self) -> None:
        http = {"route": [{"destination": {"host": "one"}}]}
        (route,) = translate(make_virtual_service(http), services=(make_service(ONE),))
        assert route["route"]["cluster"] == f"outbound|80||{ONE}"
        (route,) = translate(make_virtual_service(http))
        assert route["route"]["cluster"] == f"outbound|{PORT}||{ONE}"


class TestDelegates:
    ROOT = make_virtual_service(
        {
            "name": "root",
            "match": [{"uri": {"prefix": "/a"}, "headers": {"x-a": {"exact": "1"}}}],
            "delegate": {"name": "leaf", "namespace": "other"},
            "timeout": "7s",
        }
    )

    def merge(self, *http: Mapping[str, Any], root: Mapping[str, Any] = ROOT) -> list[dict[str, Any]]:
        leaf = make_virtual_service(
            *http, hosts=[], gateways=[], metadata={"name": "leaf", "namespace": "other"}
        )
        hosts = to_mesh([root, leaf], [], PORT).routes["virtual_hosts"]
        return list(hosts[0].get("routes", ()))

    def test_both_conditions_hold_and_the_root_fills_in(self) -> None:
        leaf = to("short", name="leaf", match=[{"uri": {"exact": "/a/b"}, "method": {"exact": "GET"}}])
        (route,) = self.merge(leaf)
        assert route["name"] == "root-leaf"
        assert route["match"]["path"] == "/a/b"
        assert [it["name"] for it in route["match"]["headers"]] == ["x-a", ":method"]
        assert route["route"]["timeout"] == "7s"
        # A short name is the delegate's, not the root's.
        assert route["route"]["cluster"] == "outbound|80||short.other.svc.cluster.local"

    def test_a_leaf_without_match_takes_the_roots(self) -> None:
        (route,) = self.merge(to())
        assert route["match"]["prefix"] == "/a"

    @pytest.mark.parametrize(
        "match",
        [
            {"uri": {"exact": "/b"}},
            {"uri": {"prefix": "/"}},
            {"uri": {"regex": "/a.*"}},
            {"headers": {"x-a": {"exact": "2"}}},
            {"ignoreUriCase": True},
        ],
    )
    def test_a_leaf_outside_the_root_is_dropped(self, match: dict[str, Any]) -> None:
        assert self.merge(to(match=[match])) == []

    def test_a_missing_delegate_drops_only_its_route(self) -> None:
        root = make_virtual_service({"delegate": {"name": "nobody"}}, to(name="rest"))
        assert [it["name"] for it in self.merge(to(), root=root)] == ["rest"]

    def test_a_delegate_cannot_delegate(self) -> None:
        with pytest.raises(UnsupportedField, match=r"VirtualService other/leaf: spec\.http\[0\]\.delegate"):
            self.merge({"delegate": {"name": "further"}})


class TestClusters:
    def test_only_what_routes_use_and_what_exists(self) -> None:
        objects = [make_virtual_service(to(match=[{"uri": {"exact": "/"}}]), to("nobody.example"))]
        mesh = to_mesh(objects, [make_service(ONE, "a"), make_service(TWO, "a")], PORT)
        assert [it["name"] for it in mesh.clusters] == [f"outbound|80||{ONE}"]

    def test_limits_are_off_as_in_istio(self) -> None:
        (cluster,) = to_mesh([make_virtual_service(to())], [make_service(ONE)], PORT).clusters
        (threshold,) = cluster["circuit_breakers"]["thresholds"]
        assert threshold["max_retries"] == threshold["max_pending_requests"] == 2**32 - 1

    def test_a_subset_is_endpoints_by_label(self) -> None:
        rule = make_destination_rule("one", subsets=[{"name": "a", "labels": {"version": "a"}}])
        route = {"destination": {"host": ONE, "port": {"number": 80}, "subset": "a"}}
        unknown = {"destination": {"host": ONE, "port": {"number": 80}, "subset": "b"}}
        objects = [
            make_virtual_service(
                {"route": [route], "match": [{"uri": {"exact": "/"}}]}, {"route": [unknown]}
            ),
            rule,
        ]
        mesh = to_mesh(objects, [make_service(ONE, "a", "b", "a")], PORT)
        (assignment,) = mesh.endpoints
        assert assignment["cluster_name"] == f"outbound|80|a|{ONE}"
        endpoints = assignment["endpoints"][0]["lb_endpoints"]
        ports = [it["endpoint"]["address"]["socket_address"]["port_value"] for it in endpoints]
        assert ports == [9000, 9002]

    def test_rules_of_one_host_are_merged_oldest_first(self) -> None:
        by_name: dict[str, Any] = {"trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}
        later: dict[str, Any] = {
            "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
            "subsets": [{"name": "a"}],
        }
        objects = [
            make_virtual_service(
                {"route": [{"destination": {"host": ONE, "port": {"number": 80}, "subset": "a"}}]}
            ),
            make_destination_rule(ONE, name="b", **later),
            make_destination_rule(ONE, name="a", **by_name),
        ]
        (cluster,) = to_mesh(objects, [make_service(ONE)], PORT).clusters
        assert (cluster["name"], cluster["lb_policy"]) == (f"outbound|80|a|{ONE}", "RANDOM")

    @pytest.mark.parametrize(
        ("hashing", "policy", "cluster"),
        [
            (
                {"useSourceIp": True, "ringHash": {"minimumRingSize": 9}},
                {"connection_properties": {"source_ip": True}},
                {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": "9"}},
            ),
            (
                {"httpQueryParameterName": "user", "maglev": {}},
                {"query_parameter": {"name": "user"}},
                {"lb_policy": "MAGLEV"},
            ),
        ],
    )
    def test_hashing(self, hashing: dict[str, Any], policy: dict[str, Any], cluster: dict[str, Any]) -> None:
        rule = make_destination_rule(ONE, trafficPolicy={"loadBalancer": {"consistentHash": hashing}})
        mesh = to_mesh([make_virtual_service(to()), rule], [make_service(ONE)], PORT)
        (route,) = routes_of(mesh)
        assert route["route"]["hash_policy"] == [policy]
        assert cluster.items() <= mesh.clusters[0].items()

    def test_a_subset_without_a_hash_of_its_own_inherits_the_key(self) -> None:
        rule = make_destination_rule(
            ONE,
            trafficPolicy={"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}},
            subsets=[{"name": "a", "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}],
        )
        http = {"route": [{"destination": {"host": ONE, "port": {"number": 80}, "subset": "a"}}]}
        mesh = to_mesh([make_virtual_service(http), rule], [make_service(ONE)], PORT)
        assert routes_of(mesh)[0]["route"]["hash_policy"] == [{"header": {"header_name": "x-user"}}]
        assert mesh.clusters[0]["lb_policy"] == "RANDOM"

    @pytest.mark.parametrize(
        "rule",
        [make_destination_rule("*.ns.svc.cluster.local"), make_destination_rule(ONE, namespace="other")],
        ids=["wildcard", "another namespace"],
    )
    def test_rules_whose_reach_only_istio_knows_are_refused(self, rule: dict[str, Any]) -> None:
        with pytest.raises(UnsupportedField, match=r"DestinationRule .*: spec\.host: "):
            to_mesh([rule], [], PORT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0s"),
        ("30s", "30s"),
        ("1m30s", "90s"),
        ("1h", "3600s"),
        ("250ms", "0.250s"),
        ("1.5s", "1.500s"),
        (".5s", "0.500s"),
        ("10us", "0.000010s"),
        ("1ns", "0.000000001s"),
    ],
)
def test_durations(text: str, expected: str) -> None:
    assert to_envoy_duration(text) == expected


@pytest.mark.parametrize("text", ["", "30", "-1s", "1 s", "s", "1d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        to_envoy_duration(text)
