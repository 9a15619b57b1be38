import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.diagnostics import FieldPath
from meshsplit.istio.rules import check_object
from meshsplit.model import Retries
from support.istio import make_group, make_routing, model_mesh, write_group, write_model

CASES = os.environ.get("MESHSPLIT_ISTIO_CASES")
A = {"destination": {"host": "a.ns.svc.cluster.local", "port": {"number": 80}}}


def virtual_service(route: dict[str, Any] | None = None, /, **spec: Any) -> dict[str, Any]:
    usual = {"hosts": ["*"], "gateways": ["istio-system/ingress"], "http": [{"route": [A], **(route or {})}]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "v", "namespace": "ns"},
        "spec": {**usual, **spec},
    }


def destination_rule(**spec: Any) -> dict[str, Any]:
    return {"kind": "DestinationRule", "metadata": {"name": "d"}, "spec": {"host": "a.ns.svc", **spec}}


def matching(**match: Any) -> dict[str, Any]:
    return virtual_service({"match": [match]})


def setting(side: str = "request", **operations: Any) -> dict[str, Any]:
    return virtual_service({"headers": {side: operations}})


def hashing(**consistent_hash: Any) -> dict[str, Any]:
    return destination_rule(trafficPolicy={"loadBalancer": {"consistentHash": consistent_hash}})


def paths(body: dict[str, Any]) -> list[FieldPath]:
    return [violation.path for violation in check_object(body)]


ROUTE = ("spec", "http", 0)
MATCH = (*ROUTE, "match", 0)
HASH = ("spec", "trafficPolicy", "loadBalancer", "consistentHash")

GOOD = {
    "plain": virtual_service(),
    "own host": virtual_service(hosts=["a.example.com", "b.example.com", "10.0.0.1", "fqdn.example.com."]),
    "mesh with a host": virtual_service(hosts=["a.ns.svc.cluster.local"], gateways=["mesh", "gw"]),
    "delegate": virtual_service(hosts=None, gateways=None),
    "root": {
        **virtual_service(),
        "spec": {"hosts": ["*"], "gateways": ["g"], "http": [{"delegate": {"name": "d"}}]},
    },
    "redirect": virtual_service({"route": None, "redirect": {"uri": "/"}}),
    "weights that do not add up to 100": virtual_service({"route": [{**A, "weight": 1}, {**A, "weight": 2}]}),
    "one destination of weight 0": virtual_service({"route": [{**A, "weight": 0}]}),
    "empty uri prefix": matching(uri={"prefix": ""}),
    "header that need only be there": matching(headers={"x-a": {}}),
    "header that may not be there": matching(withoutHeaders={"x-a": {"regex": "*"}}),
    "claim": matching(headers={"@request.auth.claims.group": {"exact": "a"}}),
    "regex of 1024": matching(uri={"regex": "a" * 1024}),
    "authority": setting(set={":authority": "a", "x-a": "100%% %REQ(X-A)% %START_TIME%"}),
    "host": virtual_service({"route": [{**A, "headers": {"request": {"set": {"Host": "a"}}}}]}),
    "retries off": virtual_service({"retries": {"attempts": 0}}),
    "retries": virtual_service({"retries": {"attempts": 2, "perTryTimeout": "1m30s", "retryOn": "5xx,503"}}),
    "regex rewrite": virtual_service(
        {"rewrite": {"uriRegexRewrite": {"match": "^/a(.*)", "rewrite": r"\1"}}}
    ),
    "other kind": {"kind": "Service", "spec": {"hosts": 5}},
    "destination rule": destination_rule(subsets=[{"name": "v1"}, {"name": "v2"}]),
    "cookie": hashing(httpCookie={"name": "c", "path": "/", "ttl": "0s"}, ringHash={"minimumRingSize": 1024}),
    "session cookie": hashing(httpCookie={"name": "c", "ttl": "0"}),
    "maglev": hashing(useSourceIp=True, maglev={"tableSize": 65537}),
}

BAD = [
    ("* without gateway", virtual_service(gateways=[]), [("spec", "hosts", 0)]),
    ("* on mesh", virtual_service(gateways=["mesh", "gw"]), [("spec", "hosts", 0)]),
    ("overlapping hosts", virtual_service(hosts=["*.a.io", "b.a.io"]), [("spec", "hosts", 1)]),
    ("wildcards overlap", virtual_service(hosts=["*.io", "*.a.io"]), [("spec", "hosts", 1)]),
    ("host", virtual_service(hosts=["a_b"]), [("spec", "hosts", 0)]),
    ("numeric top level", virtual_service(hosts=["a.1"]), [("spec", "hosts", 0)]),
    ("long host", virtual_service(hosts=["a." * 128 + "io"]), [("spec", "hosts", 0)]),
    ("delegate with gateway", virtual_service(hosts=[]), [("spec", "gateways")]),
    ("gateway namespace", virtual_service(gateways=["a.b/c"]), [("spec", "gateways", 0)]),
    ("gateway without name", virtual_service(gateways=["a/"]), [("spec", "gateways", 0)]),
    ("no routes", virtual_service(http=[]), [("spec",)]),
    ("null route", virtual_service(http=[None]), [ROUTE]),
    ("no action", virtual_service({"route": []}), [ROUTE]),
    (
        "route and redirect",
        virtual_service({"redirect": {}, "directResponse": {"status": 1}}),
        [(*ROUTE, "directResponse")],
    ),
    (
        "rewrite of a redirect",
        virtual_service({"route": [], "redirect": {"uri": "/"}, "rewrite": {"uri": "/"}}),
        [(*ROUTE, "rewrite")],
    ),
    ("root with route", virtual_service({"delegate": {"name": "d"}}), [(*ROUTE, "route")]),
    (
        "delegate of a delegate",
        virtual_service({"route": None, "delegate": {"name": "d"}}, hosts=[], gateways=[]),
        [(*ROUTE, "delegate")],
    ),
    ("two kinds", matching(uri={"exact": "/a", "prefix": "/a"}), [(*MATCH, "uri")]),
    ("empty regex", matching(uri={"regex": ""}), [(*MATCH, "uri", "regex")]),
    ("long regex", matching(uri={"regex": "a" * 1025}), [(*MATCH, "uri", "regex")]),
    ("lookahead", matching(headers={"x-a": {"regex": "(?=a)"}}), [(*MATCH, "headers", "x-a", "regex")]),
    ("empty prefix", matching(method={"prefix": ""}), [(*MATCH, "method", "prefix")]),
    ("header name", matching(headers={"x a": {"exact": "a"}}), [(*MATCH, "headers", "x a")]),
    ("null header", matching(headers={"x-a": None}), [(*MATCH, "headers", "x-a")]),
    ("match port", matching(port=70000), [(*MATCH, "port")]),
    ("match gateway", matching(gateways=["a/b/c"]), [(*MATCH, "gateways", 0)]),
    ("pseudo header", setting(set={":path": "/"}), [(*ROUTE, "headers", "request", "set", ":path")]),
    ("host removed", setting(remove=["Host"]), [(*ROUTE, "headers", "request", "remove", 0)]),
    (
        "host of a response",
        setting("response", set={"host": "a"}),
        [(*ROUTE, "headers", "response", "set", "host")],
    ),
    ("unbalanced %", setting(add={"x-a": "100%"}), [(*ROUTE, "headers", "request", "add", "x-a")]),
    ("open %", setting(add={"x-a": "%REQ(a%"}), [(*ROUTE, "headers", "request", "add", "x-a")]),
    ("control character", setting(set={"x-a": "a\nb"}), [(*ROUTE, "headers", "request", "set", "x-a")]),
    ("empty rewrite", virtual_service({"rewrite": {}}), [(*ROUTE, "rewrite")]),
    (
        "two rewrites",
        virtual_service({"rewrite": {"uri": "/", "uriRegexRewrite": {"match": "a", "rewrite": "b"}}}),
        [(*ROUTE, "rewrite")],
    ),
    (
        "half a regex rewrite",
        virtual_service({"rewrite": {"uriRegexRewrite": {"match": "a"}}}),
        [(*ROUTE, "rewrite", "uriRegexRewrite")],
    ),
    (
        "authority twice",
        virtual_service({"rewrite": {"authority": "a"}, "headers": {"request": {"set": {"Host": "b"}}}}),
        [(*ROUTE, "rewrite", "authority")],
    ),
    (
        "negative weight",
        virtual_service({"route": [{**A, "weight": -5}, {**A, "weight": 105}]}),
        [(*ROUTE, "route", 0, "weight")],
    ),
    (
        "weight beyond int32",
        virtual_service({"route": [{**A, "weight": 2**31}]}),
        [(*ROUTE, "route", 0, "weight")],
    ),
    ("total 0", virtual_service({"route": [{**A, "weight": 0}, A]}), [(*ROUTE, "route")]),
    ("no destination", virtual_service({"route": [{"weight": 1}]}), [(*ROUTE, "route", 0)]),
    (
        "destination *",
        virtual_service({"route": [{"destination": {"host": "*"}}]}),
        [(*ROUTE, "route", 0, "destination", "host")],
    ),
    (
        "port 0",
        virtual_service({"route": [{"destination": {"host": "a", "port": {"number": 0}}}]}),
        [(*ROUTE, "route", 0, "destination", "port", "number")],
    ),
    (
        "subset",
        virtual_service({"route": [{"destination": {"host": "a", "subset": "v.1"}}]}),
        [(*ROUTE, "route", 0, "destination", "subset")],
    ),
    ("timeout 0s", virtual_service({"timeout": "0s"}), [(*ROUTE, "timeout")]),
    ("timeout of half a millisecond", virtual_service({"timeout": "1.5ms"}), [(*ROUTE, "timeout")]),
    ("timeout 7", virtual_service({"timeout": "7"}), [(*ROUTE, "timeout")]),
    ("negative timeout", virtual_service({"timeout": "-1s"}), [(*ROUTE, "timeout")]),
    ("negative attempts", virtual_service({"retries": {"attempts": -1}}), [(*ROUTE, "retries", "attempts")]),
    (
        "retries off with more",
        virtual_service({"retries": {"attempts": 0, "retryOn": "5xx"}}),
        [(*ROUTE, "retries")],
    ),
    (
        "retry condition",
        virtual_service({"retries": {"attempts": 1, "retryOn": "5xx, reset"}}),
        [(*ROUTE, "retries", "retryOn")],
    ),
    ("name", {**virtual_service(), "metadata": {"name": "A_b"}}, [("metadata", "name")]),
    ("long name", {**virtual_service(), "metadata": {"name": "a" * 254}}, [("metadata", "name")]),
    ("no metadata", {**virtual_service(), "metadata": None}, [("metadata", "name")]),
    (
        "namespace",
        {**virtual_service(), "metadata": {"name": "v", "namespace": "a.b"}},
        [("metadata", "namespace")],
    ),
    (
        "label value",
        {**virtual_service(), "metadata": {"name": "v", "labels": {"a": "b" * 64}}},
        [("metadata", "labels", "a")],
    ),
    (
        "label key",
        {**virtual_service(), "metadata": {"name": "v", "labels": {"a/b/c": "d"}}},
        [("metadata", "labels", "a/b/c")],
    ),
    ("list for a map", virtual_service({"match": {"uri": {}}}), [(*ROUTE, "match")]),
    (
        "true for a number",
        virtual_service({"route": [{**A, "weight": True}]}),
        [(*ROUTE, "route", 0, "weight")],
    ),
    (
        "duplicate subset",
        destination_rule(subsets=[{"name": "a"}, {"name": "a"}]),
        [("spec", "subsets", 1, "name")],
    ),
    ("subset name", destination_rule(subsets=[{"name": ""}]), [("spec", "subsets", 0, "name")]),
    ("no host", destination_rule(host=""), [("spec", "host")]),
    ("empty policy", destination_rule(trafficPolicy={}), [("spec", "trafficPolicy")]),
    (
        "port of a policy",
        destination_rule(trafficPolicy={"portLevelSettings": [{"tls": {}}]}),
        [("spec", "trafficPolicy", "portLevelSettings", 0, "port", "number")],
    ),
    (
        "empty policy of a port",
        destination_rule(trafficPolicy={"portLevelSettings": [{"port": {"number": 1}}]}),
        [("spec", "trafficPolicy", "portLevelSettings", 0)],
    ),
    ("cookie without name", hashing(httpCookie={"ttl": "0s"}), [(*HASH, "httpCookie", "name")]),
    ("cookie ttl", hashing(httpCookie={"name": "c", "ttl": "3600"}), [(*HASH, "httpCookie", "ttl")]),
    ("header without name", hashing(httpHeaderName=""), [(*HASH, "httpHeaderName")]),
    ("two hash keys", hashing(httpHeaderName="a", useSourceIp=True), [HASH]),
    ("maglev size", hashing(useSourceIp=True, maglev={"tableSize": 65536}), [(*HASH, "maglev", "tableSize")]),
    (
        "two ring sizes",
        hashing(useSourceIp=True, minimumRingSize=1, ringHash={}),
        [(*HASH, "minimumRingSize")],
    ),
]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_object_breaks_no_rule(name: str) -> None:
    assert check_object(GOOD[name]) == ()


@pytest.mark.parametrize(("name", "body", "expected"), BAD, ids=[name for name, *_ in BAD])
def test_a_broken_rule_is_reported_at_its_field(
    name: str, body: dict[str, Any], expected: list[FieldPath]
) -> None:
    assert paths(body) == expected, name


def test_with_wrong_types_only_those_are_listed() -> None:
    assert paths(virtual_service({"timeout": "7"}, hosts="*", gateways=[5])) == [
        ("spec", "hosts"),
        ("spec", "gateways", 0),
    ]


def test_what_is_generated_breaks_a_rule_only_by_what_the_user_wrote() -> None:
    routing = make_routing(hosts=("*", "a.io"), timeout="forever", retries=Retries(1, retry_on="always"))
    violations = check_object(write_group(make_group(model_mesh("a"), routing=routing), a=100))
    assert {violation.path[-1] for violation in violations} == {1, "timeout", "retryOn"}
    assert check_object(write_model("m")) == ()


def accepted() -> list[Any]:
    return [
        pytest.param(body, id=f"{path.parent.name}-{number}")
        for path in sorted(Path(CASES or "").glob("*/in.yaml"))
        for number, body in enumerate(yaml.safe_load_all(path.read_text()))
    ]


@pytest.mark.skipif(not CASES, reason="MESHSPLIT_ISTIO_CASES is not set")
@pytest.mark.parametrize("body", accepted() if CASES else [])
def test_what_a_real_istiod_took_breaks_no_rule(body: dict[str, Any]) -> None:
    assert check_object(body) == ()
