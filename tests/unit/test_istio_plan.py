from typing import Any

import pytest

from meshsplit.istio.plan import make_group_plan
from meshsplit.model import Member, Protocol, RestStrategy, Retries, RoutingMode
from support.istio import (
    LOOP,
    MODEL_MESH,
    knative,
    make_group,
    make_own_routing,
    make_routing,
    make_split,
    model_mesh,
    standard,
    write_group,
    write_model,
)

BUCKETS_20 = {"x-request-id": {"regex": "(?:[0-2]|3[0-2]|33[0-2]).*"}}
REST = {"destination": {"host": MODEL_MESH, "port": {"number": 8008}}}


def grpc_to(name: str, weight: int | None = None) -> dict[str, Any]:
    return {
        "destination": {"host": MODEL_MESH, "port": {"number": 8033}},
        **({} if weight is None else {"weight": weight}),
        "headers": {"request": {"set": {"mm-vmodel-id": name}}},
    }


def grpc_route(*destinations: dict[str, Any], key: str = "g") -> dict[str, Any]:
    return {
        "name": "grpc-routing",
        "match": [
            {
                "method": {"exact": "POST"},
                "headers": {"content-type": {"prefix": "application/grpc"}, "mm-vmodel-id": {"exact": key}},
            }
        ],
        "route": list(destinations),
    }


def to(member: str, weight: int | None = None) -> dict[str, Any]:
    service = {"host": f"{member}-predictor.ns.svc.cluster.local", "port": {"number": 80}}
    return {"destination": service} if weight is None else {"destination": service, "weight": weight}


def http_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    routes = body["spec"]["http"]
    assert isinstance(routes, list)
    return routes


def test_a_group_on_the_shared_host_is_split_in_a_single_hop() -> None:
    assert http_of(write_group(make_group(model_mesh("a"), model_mesh("b")), a=80, b=20)) == [
        grpc_route(grpc_to("a", 80), grpc_to("b", 20)),
        {
            "name": "g.b",
            "match": [{"uri": {"prefix": "/modelmesh/ns/v2/models/g/"}, "headers": BUCKETS_20}],
            "rewrite": {"uri": "/v2/models/b/"},
            "route": [REST],
        },
        {
            "name": "g.a",
            "match": [{"uri": {"prefix": "/modelmesh/ns/v2/models/g/"}}],
            "rewrite": {"uri": "/v2/models/a/"},
            "route": [REST],
        },
        {
            "name": "metadata-routing",
            "match": [{"uri": {"exact": "/modelmesh/ns/v2/models/g"}}],
            "rewrite": {"uri": "/v2/models/a"},
            "route": [REST],
        },
    ]


@pytest.mark.parametrize(("alone", "weights"), [("a", {"a": 100, "b": 0}), ("b", {"a": 0, "b": 100})])
def test_a_group_at_100_to_0_has_one_plain_route_per_protocol(alone: str, weights: dict[str, int]) -> None:
    routes = http_of(write_group(make_group(model_mesh("a"), model_mesh("b")), **weights))
    assert routes[0] == grpc_route(grpc_to(alone))
    assert [route["name"] for route in routes[1:]] == [f"g.{alone}", "metadata-routing"]
    assert "x-request-id" not in str(routes)


def bucket_order(stable: str | None, weights: dict[str, int]) -> list[str]:
    group = make_group(*map(model_mesh, "abc"), stable=stable)
    return [route["name"] for route in http_of(write_group(group, **weights)) if route["name"][:2] == "g."]


@pytest.mark.parametrize("weights", [{"a": 1, "b": 49, "c": 50}, {"a": 90, "b": 5, "c": 5}])
def test_route_order_is_by_name_with_the_stable_member_last_whatever_the_weights(
    weights: dict[str, int],
) -> None:
    assert bucket_order(None, weights) == ["g.b", "g.c", "g.a"]
    assert bucket_order("b", weights) == ["g.a", "g.c", "g.b"]
    assert bucket_order("gone", weights) == ["g.b", "g.c", "g.a"]


def test_without_the_stable_member_the_last_of_the_others_takes_the_rest() -> None:
    assert bucket_order("a", {"a": 0, "b": 49, "c": 51}) == ["g.b", "g.c"]


@pytest.mark.parametrize(
    ("weights", "expected"), [({"a": 40, "b": 60}, "b"), ({"a": 50, "b": 50}, "a"), ({"a": 60, "b": 40}, "a")]
)
def test_metadata_comes_from_the_heaviest_member_and_of_equals_from_the_last(
    weights: dict[str, int], expected: str
) -> None:
    routes = http_of(write_group(make_group(model_mesh("a"), model_mesh("b")), **weights))
    assert routes[-1]["rewrite"] == {"uri": f"/v2/models/{expected}"}


def test_per_mille_gives_one_in_a_thousand_four_buckets() -> None:
    routes = http_of(write_group(make_group(model_mesh("a"), model_mesh("b")), a=999, b=1))
    assert routes[0]["route"] == [grpc_to("a", 999), grpc_to("b", 1)]
    assert routes[1]["match"][0]["headers"] == {"x-request-id": {"regex": "(?:00[0-3]).*"}}


def test_loopback_passes_the_gateway_twice_with_members_by_name() -> None:
    routing = make_routing(rest=RestStrategy.LOOPBACK)
    group = make_group(model_mesh("b"), model_mesh("a"), routing=routing)
    grpc, first, *second = http_of(write_group(group, a=80, b=20))
    assert grpc == grpc_route(grpc_to("a", 80), grpc_to("b", 20))
    gateway = {"host": LOOP.host, "port": {"number": LOOP.port}}
    assert first == {
        "match": [{"uri": {"exact": "/modelmesh/ns/v2/models/g/infer"}}],
        "rewrite": {"uri": "/vmodel-route/ns/g/infer"},
        "route": [
            {"destination": gateway, "weight": 80, "headers": {"request": {"set": {"x-vmodel": "a"}}}},
            {"destination": gateway, "weight": 20, "headers": {"request": {"set": {"x-vmodel": "b"}}}},
        ],
    }
    assert second == [
        {
            "match": [
                {"uri": {"exact": "/vmodel-route/ns/g/infer"}, "headers": {"x-vmodel": {"exact": member}}}
            ],
            "rewrite": {"uri": f"/v2/models/{member}/infer"},
            "route": [REST],
        }
        for member in "ab"
    ]


def test_weighted_rewrites_to_the_one_name_that_all_members_serve() -> None:
    routing = make_routing(rest=RestStrategy.WEIGHTED)
    group = make_group(standard("a", "x"), standard("b", "x"), routing=routing)
    assert http_of(write_group(group, a=80, b=20))[1:] == [
        {
            "name": "weighted-routing",
            "match": [{"uri": {"prefix": "/modelmesh/ns/v2/models/g/"}}],
            "rewrite": {"uri": "/v2/models/x/"},
            "route": [to("a", 80), to("b", 20)],
        },
        {
            "name": "metadata-routing",
            "match": [{"uri": {"exact": "/modelmesh/ns/v2/models/g"}}],
            "rewrite": {"uri": "/v2/models/x"},
            "route": [to("a")],
        },
    ]


def test_weighted_among_members_of_different_names_is_written_as_singlehop() -> None:
    members = (model_mesh("a"), model_mesh("b"))
    weighted = make_group(*members, routing=make_routing(rest=RestStrategy.WEIGHTED))
    assert write_group(weighted, a=80, b=20) == write_group(make_group(*members), a=80, b=20)


def test_on_its_own_host_a_group_whose_members_serve_other_names_is_rewritten_per_member() -> None:
    group = make_group(standard("a"), standard("b"), routing=make_own_routing())
    routes = http_of(write_group(group, a=80, b=20))
    assert [
        (
            route["name"],
            route.get("match", [{}])[0].get("uri"),
            route.get("match", [{}])[0].get("headers"),
            route.get("rewrite", {}).get("uri"),
            route["route"],
        )
        for route in routes
    ] == [
        ("g.b", {"prefix": "/v2/models/g/"}, BUCKETS_20, "/v2/models/b/", [to("b")]),
        ("g.a", {"prefix": "/v2/models/g/"}, None, "/v2/models/a/", [to("a")]),
        ("metadata-routing", {"exact": "/v2/models/g"}, None, "/v2/models/a", [to("a")]),
        ("g.b.v1", {"prefix": "/v1/models/g:"}, BUCKETS_20, "/v1/models/b:", [to("b")]),
        ("g.a.v1", {"prefix": "/v1/models/g:"}, None, "/v1/models/a:", [to("a")]),
        ("metadata-routing.v1", {"exact": "/v1/models/g"}, None, "/v1/models/a", [to("a")]),
        ("weighted-routing", None, None, None, [to("a", 80), to("b", 20)]),
    ]


@pytest.mark.parametrize(
    "members",
    [
        (standard("a", "g"), standard("b", "g")),
        (standard("a", rest=False), standard("b", rest=False)),
    ],
    ids=["all serve the group's name", "all speak gRPC only"],
)
def test_where_nothing_can_or_need_be_rewritten_plain_weights_do(members: tuple[Member, ...]) -> None:
    group = make_group(*members, routing=make_own_routing())
    assert http_of(write_group(group, a=80, b=20)) == [
        {"name": "weighted-routing", "route": [to("a", 80), to("b", 20)]}
    ]


def test_a_member_that_speaks_grpc_only_gets_no_rest_route_but_its_weight_of_the_rest() -> None:
    group = make_group(standard("a"), standard("b", rest=False), routing=make_own_routing())
    routes = http_of(write_group(group, a=80, b=20))
    assert [route["name"] for route in routes] == [
        *("g.a", "metadata-routing", "g.a.v1", "metadata-routing.v1", "weighted-routing")
    ]
    assert routes[-1]["route"] == [to("a", 80), to("b", 20)]
    assert "x-request-id" not in str(routes)


def test_model_mesh_members_on_an_own_host_get_the_grpc_key_and_no_v1() -> None:
    group = make_group(model_mesh("a"), model_mesh("b"), routing=make_own_routing())
    routes = http_of(write_group(group, a=80, b=20))
    assert routes[0] == grpc_route(grpc_to("a", 80), grpc_to("b", 20))
    names = [route["name"] for route in routes[1:]]
    # No catch-all: the Service behind it answers for every model of the namespace, exposed or not.
    assert names == ["g.b", "g.a", "metadata-routing"]
    assert routes[1]["match"][0]["uri"] == {"prefix": "/v2/models/g/"}


def test_the_grpc_key_is_set_for_model_mesh_members_only() -> None:
    group = make_group(model_mesh("a"), standard("b"), routing=make_own_routing())
    assert http_of(write_group(group, a=80, b=20))[0]["route"] == [grpc_to("a", 80), to("b", 20)]


def test_knative_members_are_sent_their_own_host() -> None:
    group = make_group(knative("a"), knative("b"), routing=make_own_routing())
    routes = http_of(write_group(group, a=80, b=20))
    host = "{}-predictor.ns.svc.cluster.local".format
    assert routes[0]["rewrite"] == {"uri": "/v2/models/b/", "authority": host("b")}
    assert routes[2]["rewrite"] == {"uri": "/v2/models/a", "authority": host("a")}
    assert "rewrite" not in routes[-1]
    assert routes[-1]["route"] == [
        {**to("a", 80), "headers": {"request": {"set": {"Host": host("a")}}}},
        {**to("b", 20), "headers": {"request": {"set": {"Host": host("b")}}}},
    ]


def test_a_lone_knative_member_is_sent_its_host_by_the_route() -> None:
    group = make_group(knative("a", "g"), routing=make_own_routing())
    assert http_of(write_group(group, a=100)) == [
        {
            "name": "weighted-routing",
            "rewrite": {"authority": "a-predictor.ns.svc.cluster.local"},
            "route": [to("a")],
        }
    ]


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [(Protocol.GRPC, ["grpc-routing"]), (Protocol.HTTP, ["g.b", "g.a", "metadata-routing"])],
)
def test_only_the_asked_protocols_are_routed(protocol: Protocol, expected: list[str]) -> None:
    routing = make_routing(protocols=frozenset({protocol}))
    body = write_group(make_group(model_mesh("a"), model_mesh("b"), routing=routing), a=80, b=20)
    assert [route["name"] for route in http_of(body)] == expected


def test_a_delegate_has_the_same_routes_and_neither_hosts_nor_gateways() -> None:
    members = model_mesh("a"), model_mesh("b")
    alone = write_group(make_group(*members), a=80, b=20)
    routing = make_routing(mode=RoutingMode.DELEGATE, hosts=(), gateways=())
    assert write_group(make_group(*members, routing=routing), a=80, b=20)["spec"] == {"http": http_of(alone)}


def test_timeout_and_retries_are_passed_through_to_every_route() -> None:
    routing = make_routing(timeout="7s", retries=Retries(2, "1s", "5xx"))
    for route in http_of(write_group(make_group(model_mesh("a"), routing=routing), a=100)):
        assert route["timeout"] == "7s"
        assert route["retries"] == {"attempts": 2, "perTryTimeout": "1s", "retryOn": "5xx"}


def test_the_object_of_a_group_is_marked() -> None:
    body = write_group(make_group(model_mesh("a"), model_mesh("b")), a=100, b=0)
    assert body["metadata"] == {
        "name": "g-splitting",
        "namespace": "ns",
        "labels": {"app.kubernetes.io/managed-by": "meshsplit"},
        "annotations": {
            "helm.toolkit.fluxcd.io/driftDetection": "disabled",
            "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
            "meshsplit.dev/weights": "a=100,b=0",
            "serving.kserve.io/model-tag": "g",
        },
    }


def test_weight_for_a_member_that_the_group_lacks_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="'b'"):
        make_group_plan(make_group(model_mesh("a")), make_split({"a": 80, "b": 20}))
    assert make_group_plan(make_group(model_mesh("a")), make_split({"a": 100, "b": 0})).routes


def test_a_single_model_is_exposed_under_its_own_name() -> None:
    body = write_model("m")
    assert body["metadata"]["name"] == "m"
    assert body["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "meshsplit",
        "inferenceservice-name": "m",
    }
    grpc = {"destination": {"host": MODEL_MESH, "port": {"number": 8033}}}
    assert http_of(body) == [
        grpc_route(grpc, key="m"),
        {
            "name": "m",
            "match": [{"uri": {"prefix": "/modelmesh/ns/v2/models/m/"}}],
            "rewrite": {"uri": "/v2/models/m/"},
            "route": [REST],
        },
        {
            "name": "metadata-routing",
            "match": [{"uri": {"exact": "/modelmesh/ns/v2/models/m"}}],
            "rewrite": {"uri": "/v2/models/m"},
            "route": [REST],
        },
    ]


def test_with_loopback_a_single_model_has_the_shape_of_2023() -> None:
    routes = http_of(write_model("m", make_routing(rest=RestStrategy.LOOPBACK)))
    assert [route.get("name") for route in routes] == [None, None]
    assert routes[1]["match"] == [{"uri": {"exact": "/modelmesh/ns/v2/models/m/infer"}}]
    assert routes[1]["rewrite"] == {"uri": "/v2/models/m/infer"}
