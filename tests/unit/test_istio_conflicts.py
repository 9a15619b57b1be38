import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.diagnostics import Finding, severity_of
from meshsplit.istio.conflicts import find_conflicts
from meshsplit.model import RoutingMode
from support.istio import (
    API_VERSION,
    GATEWAY,
    make_group,
    make_own_routing,
    make_routing,
    model_mesh,
    standard,
    write_group,
    write_model,
)

CASES = os.environ.get("MESHSPLIT_ISTIO_CASES")

OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
GROUP = write_group(make_group(model_mesh("a"), model_mesh("b")), a=80, b=20)
DELEGATE = write_group(
    make_group(
        model_mesh("a"),
        model_mesh("b"),
        routing=make_routing(mode=RoutingMode.DELEGATE, hosts=(), gateways=()),
    ),
    a=80,
    b=20,
)
OWN_HOST = write_group(make_group(standard("a"), standard("b"), routing=make_own_routing()), a=80, b=20)
INFER = "/modelmesh/ns/v2/models/g/infer"


def foreign(
    *matches: dict[str, Any], name: str = "theirs", created: str | None = None, **spec: Any
) -> dict[str, Any]:
    route: dict[str, Any] = {"route": [{"destination": {"host": "x.ns.svc.cluster.local"}}]}
    return {
        "apiVersion": API_VERSION,
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "ns", **({"creationTimestamp": created} if created else {})},
        "spec": {
            "hosts": ["*"],
            "gateways": [GATEWAY],
            "http": [{**route, **({"match": list(matches)} if matches else {})}],
            **spec,
        },
    }


def ours(body: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    copied = deepcopy(body)
    for key, value in metadata.items():
        copied["metadata"][key] = (
            {**copied["metadata"].get(key, {}), **value} if isinstance(value, dict) else value
        )
    return copied


def gateway(*hosts: str, namespace: str = "istio-system", name: str = "ingress") -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "servers": [{"hosts": list(hosts), "port": {"number": 80, "name": "http", "protocol": "HTTP"}}]
        },
    }


def found(generated: dict[str, Any], *bodies: dict[str, Any]) -> list[Finding]:
    findings = find_conflicts([generated], bodies).findings
    assert all(severity_of(finding) for finding in findings)
    return list(findings)


def codes(generated: dict[str, Any], *bodies: dict[str, Any]) -> list[str]:
    return [finding.code for finding in found(generated, *bodies)]


GRPC: dict[str, Any] = {"headers": {"mm-vmodel-id": {"exact": "g"}}}


class TestNames:
    def test_a_foreign_object_of_our_name_is_refused(self) -> None:
        conflicts = find_conflicts([GROUP, write_model("a")], [foreign(name="g-splitting")])
        assert conflicts.refused == {("ns", "g-splitting")}
        (finding,) = conflicts.findings
        assert finding.code == "MSP301"
        assert finding.path == ("metadata", "name")

    def test_one_that_is_annotated_for_adoption_is_not(self) -> None:
        adopted = ours(
            foreign({"uri": {"exact": INFER}}, name="g-splitting"),
            annotations={"meshsplit.dev/adopt": "true"},
        )
        assert find_conflicts([GROUP], [adopted]).refused == frozenset()
        refused = ours(adopted, annotations={"meshsplit.dev/adopt": "false"})
        assert find_conflicts([GROUP], [refused]).refused == {("ns", "g-splitting")}

    def test_our_own_object_is_ours_in_any_version(self) -> None:
        assert (
            codes(GROUP, ours(GROUP, uid="u-1"), {**GROUP, "apiVersion": "networking.istio.io/v1beta1"}) == []
        )

    def test_the_same_name_elsewhere_is_free(self) -> None:
        elsewhere = ours(foreign(name="g-splitting", hosts=["a.io"]), namespace="other")
        assert codes(GROUP, elsewhere, {**foreign(name="g-splitting"), "apiVersion": "example.com/v1"}) == []

    def test_a_refused_object_is_compared_no_further(self) -> None:
        assert codes(GROUP, foreign(name="g-splitting"), foreign({"uri": {"exact": INFER}})) == ["MSP301"]


class TestShadows:
    @pytest.mark.parametrize(
        "match",
        [
            {"uri": {"exact": INFER}},
            {"uri": {"exact": "/modelmesh/ns/v2/models/g"}},
            {"uri": {"prefix": "/modelmesh/"}},
            {"uri": {"prefix": "/ModelMesh/"}, "ignoreUriCase": True},
            {"uri": {"prefix": "/modelmesh/ns/v2/models/g/versions"}, "method": {"exact": "POST"}},
            {"uri": {"regex": "/modelmesh/.*/infer"}},
            {"uri": {"prefix": "/modelmesh/"}, "headers": {"x-request-id": {"regex": "a.*"}}},
            {"headers": {"mm-vmodel-id": {"exact": "g"}}},
            {"headers": {"content-type": {"prefix": "application/grpc"}}, "method": {"exact": "POST"}},
            {"uri": {"prefix": "/inference.GRPCInferenceService/"}},
        ],
    )
    def test_an_older_object_that_matches_our_requests_is_reported_at_the_match(
        self, match: dict[str, Any]
    ) -> None:
        (finding,) = found(GROUP, foreign({"uri": {"exact": "/other"}}, match))
        assert finding.code == "MSP302"
        assert finding.path == ("spec", "http", 0, "match", 1)

    @pytest.mark.parametrize(
        "match",
        [
            {"uri": {"exact": "/modelmesh/ns/v2/models/other/infer"}},
            {"uri": {"prefix": "/ModelMesh/"}},
            {"uri": {"prefix": "/modelmesh/ns/v2/models/g-splitting"}},
            {"uri": {"regex": "/other/.*"}},
            {"uri": {"prefix": "/modelmesh/"}, "headers": {"x-tester": {"exact": "yes"}}},
            {"uri": {"prefix": "/modelmesh/"}, "queryParams": {"debug": {"exact": "1"}}},
            {"uri": {"prefix": "/modelmesh/"}, "gateways": ["mesh"]},
            {"headers": {"mm-vmodel-id": {"exact": "other"}}},
            {"headers": {"content-type": {"prefix": "application/grpc"}}, "method": {"exact": "GET"}},
            {"uri": {"prefix": "/"}},
            {},
        ],
    )
    def test_one_that_does_not_is_no_conflict(self, match: dict[str, Any]) -> None:
        assert codes(GROUP, foreign(match)) == []

    def test_a_catch_all_takes_nothing_from_narrower_routes_but_all_from_ours(self) -> None:
        assert codes(GROUP, foreign()) == []
        assert codes(OWN_HOST, foreign(hosts=["g-ns.example.com"])) == ["MSP302"]

    def test_everything_on_the_groups_own_host_is_the_groups(self) -> None:
        theirs = foreign({"uri": {"prefix": "/healthz"}}, hosts=["G-ns.example.com"])
        (finding,) = found(OWN_HOST, theirs)
        assert "everything else" in finding.message

    @pytest.mark.parametrize(
        "spec", [{"hosts": ["a.io"]}, {"gateways": ["ns/other"]}, {"gateways": ["mesh"], "hosts": ["a.io"]}]
    )
    def test_another_host_or_gateway_is_no_conflict(self, spec: dict[str, Any]) -> None:
        assert codes(GROUP, foreign({"uri": {"exact": INFER}}, **spec)) == []

    @pytest.mark.parametrize(
        "written", ["istio-system/ingress", "ingress.istio-system", "ingress.istio-system.svc.cluster.local"]
    )
    def test_a_gateway_is_the_same_however_it_is_written(self, written: str) -> None:
        assert codes(GROUP, foreign({"uri": {"exact": INFER}}, gateways=[written])) == ["MSP302"]

    @pytest.mark.parametrize(
        ("theirs", "mine", "name", "expected"),
        [
            (None, None, "z", ["MSP302"]),
            (NEW, None, "z", ["MSP302"]),
            (None, NEW, "z", ["MSP302"]),
            (OLD, NEW, "z", ["MSP302"]),
            (NEW, OLD, "a", []),
            (OLD, OLD, "a", ["MSP302"]),
            (OLD, OLD, "z", []),
        ],
    )
    def test_age_decides_then_name(
        self, theirs: str | None, mine: str | None, name: str, expected: list[str]
    ) -> None:
        live = [ours(GROUP, creationTimestamp=mine)] if mine else []
        assert codes(GROUP, foreign({"uri": {"exact": INFER}}, name=name, created=theirs), *live) == expected

    def test_our_other_objects_are_no_strangers_and_each_stranger_is_reported_once(self) -> None:
        both = foreign({"uri": {"exact": INFER}}, {"uri": {"prefix": "/modelmesh/"}})
        assert codes(
            GROUP, both, ours(both, name="model", labels={"app.kubernetes.io/managed-by": "meshsplit"})
        ) == ["MSP302"]


class TestGateways:
    @pytest.mark.parametrize("hosts", [("*",), ("ns/*",), ("*/*",), ("*.io", "*"), ("a.io",)])
    def test_a_gateway_that_serves_the_host_is_fine(self, hosts: tuple[str, ...]) -> None:
        assert codes(GROUP, gateway(*hosts)) == []

    @pytest.mark.parametrize("hosts", [("other/*",), ("./*",), ("~/*",), ()])
    def test_one_that_does_not_is_reported_at_its_servers(self, hosts: tuple[str, ...]) -> None:
        (finding,) = found(GROUP, gateway(*hosts))
        assert (finding.code, finding.path) == ("MSP303", ("spec", "servers"))
        assert finding.object is not None
        assert finding.object.kind == "Gateway"

    def test_a_host_of_its_own_must_be_served_too(self) -> None:
        assert codes(OWN_HOST, gateway("*.example.com")) == []
        assert codes(OWN_HOST, gateway("*.example.org")) == ["MSP303"]

    def test_a_gateway_is_missed_only_where_there_are_others(self) -> None:
        assert codes(GROUP) == []
        (finding,) = found(GROUP, gateway("*", name="other"))
        assert finding.code == "MSP303"
        assert "istio-system/ingress is not among the Gateways" in finding.message
        kubernetes = {**gateway("*", name="other"), "apiVersion": "gateway.networking.k8s.io/v1"}
        assert codes(GROUP, kubernetes) == []

    def test_many_objects_on_one_gateway_are_one_finding(self) -> None:
        made = [GROUP, *(write_model(name) for name in "mnop")]
        (finding,) = find_conflicts(made, [gateway("*", name="other")]).findings
        assert "and 2 more are bound" in finding.message


class TestDelegation:
    def root(self, *matches: dict[str, Any], **delegate: str) -> dict[str, Any]:
        route: dict[str, Any] = {
            "delegate": {"name": "g-splitting", **delegate},
            **({"match": list(matches)} if matches else {}),
        }
        return foreign(name="root", http=[route])

    @pytest.mark.parametrize(
        "matches",
        [
            (),
            ({"uri": {"prefix": "/modelmesh/ns/v2/models/g"}}, GRPC),
            ({"uri": {"prefix": "/"}},),
        ],
    )
    def test_a_root_that_covers_its_delegate_is_fine(self, matches: tuple[dict[str, Any], ...]) -> None:
        assert codes(DELEGATE, self.root(*matches, namespace="ns")) == []

    @pytest.mark.parametrize(
        ("matches", "lost"),
        [
            (({"uri": {"prefix": "/modelmesh/ns/v2/models/g/"}}, GRPC), ["/modelmesh/ns/v2/models/g"]),
            (({"uri": {"prefix": "/modelmesh/ns/v2/models/g"}},), ["mm-vmodel-id: g"]),
            (
                ({"uri": {"exact": INFER}}, GRPC),
                ["/modelmesh/ns/v2/models/g/…", "/modelmesh/ns/v2/models/g"],
            ),
            (
                ({"uri": {"prefix": "/"}, "headers": {"x-request-id": {"prefix": "a"}}},),
                ["/modelmesh/ns/v2/models/g/…"],
            ),
        ],
    )
    def test_what_a_root_cuts_off_is_listed(
        self, matches: tuple[dict[str, Any], ...], lost: list[str]
    ) -> None:
        (finding,) = found(DELEGATE, self.root(*matches))
        assert (finding.code, finding.path) == ("MSP304", ("spec", "http", 0, "match"))
        assert list(finding.details) == [f"no longer reached: {each}" for each in lost]

    def test_a_root_of_another_delegate_is_not_ours(self) -> None:
        assert codes(DELEGATE, self.root({"uri": {"exact": "/x"}}, namespace="other")) == []

    @pytest.mark.skipif(not CASES, reason="MESHSPLIT_ISTIO_CASES is not set")
    @pytest.mark.parametrize(
        ("case", "expected"), [("delegate", []), ("delegate-match-outside-the-root-is-dropped", ["MSP304"])]
    )
    def test_as_a_real_istiod_merged_them(self, case: str, expected: list[str]) -> None:
        root, delegate = yaml.safe_load_all((Path(CASES or "") / case / "in.yaml").read_text())
        assert codes(delegate, root) == expected


class TestGit:
    @pytest.mark.parametrize(
        ("field", "key"),
        [
            ("labels", "app.kubernetes.io/instance"),
            ("labels", "argocd.argoproj.io/instance"),
            ("annotations", "argocd.argoproj.io/tracking-id"),
        ],
    )
    def test_a_tracked_object_of_ours_is_reported(self, field: str, key: str) -> None:
        (finding,) = found(GROUP, ours(GROUP, **{field: {key: "app"}}))
        assert (finding.code, finding.path) == ("MSP601", ("metadata", field, key))

    def test_somebody_elses_tracked_object_is_theirs(self) -> None:
        assert codes(GROUP, ours(foreign(hosts=["a.io"]), labels={"app.kubernetes.io/instance": "app"})) == []

    def edited(self, **metadata: Any) -> dict[str, Any]:
        body = ours(GROUP, **metadata)
        for destination, weight in zip(body["spec"]["http"][0]["route"], (70, 30), strict=True):
            destination["weight"] = weight
        return body

    def test_weights_in_a_file_that_differ_from_ours_are_reported_at_the_first(self) -> None:
        (finding,) = found(GROUP, self.edited())
        assert (finding.code, finding.path) == ("MSP602", ("spec", "http", 0, "route", 0, "weight"))
        assert "sets weight 70" in finding.message

    def test_equal_weights_and_a_servers_own_answer_are_no_dispute(self) -> None:
        assert codes(GROUP, ours(GROUP)) == []
        assert codes(GROUP, self.edited(uid="u-1")) == []
        assert codes(GROUP, self.edited(resourceVersion="5")) == []

    def test_an_adopted_object_whose_file_sets_weights_is_reported(self) -> None:
        adopted = foreign(name="g-splitting", http=[{"route": [{"destination": {"host": "x"}, "weight": 5}]}])
        assert codes(GROUP, ours(adopted, annotations={"meshsplit.dev/adopt": "true"})) == ["MSP602"]


def test_what_is_misshapen_is_not_compared() -> None:
    broken = foreign({"uri": "/modelmesh/"})
    assert codes(GROUP, broken, {"kind": "VirtualService"}, {"apiVersion": API_VERSION, "kind": ["x"]}) == []


def test_the_order_of_the_input_changes_nothing() -> None:
    bodies = [
        foreign({"uri": {"exact": INFER}}),
        foreign({"uri": {"prefix": "/modelmesh/"}}, name="more"),
        gateway("*", name="other"),
        ours(GROUP, labels={"app.kubernetes.io/instance": "app"}),
    ]
    made = [write_model("m"), GROUP]
    assert find_conflicts(made, bodies) == find_conflicts(made[::-1], bodies[::-1])
