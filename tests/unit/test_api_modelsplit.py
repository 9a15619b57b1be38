from typing import Any

import pytest

from meshsplit.api.advice import advise
from meshsplit.api.modelsplit import ModelSplit
from meshsplit.api.validation import to_modelsplit
from meshsplit.diagnostics import Finding
from support.manifests import Body, make_model_split

MEMBERS = [{"name": "blue", "weight": 100}, {"name": "green", "weight": 0}]

CANARY: Body = {
    "modelTag": "mnist",
    "weightsFrom": "Annotations",
    "stableMember": "mnist-v1",
    "routing": {
        "mode": "Delegate",
        "rest": "Loopback",
        "protocols": ["grpc", "http"],
        "hosts": ["{group}.{namespace}.example.com"],
        "gateways": ["istio-system/public", "mesh"],
        "loopHost": "gw.istio-system.svc.cluster.local:8080",
        "timeout": "30s",
        "retries": {"attempts": 2, "perTryTimeout": "0.5s", "retryOn": "connect-failure,503"},
    },
    "sessionAffinity": {"cookie": {"name": "meshsplit-mnist", "maxAge": "1h"}, "header": "x-user-uuid"},
    "strategy": {
        "canary": {
            "stepWeights": [5, 10, 25, 50],
            "failureBudget": 20,
            "stepInterval": "60s",
            "maxHold": "30m",
            "onComplete": "Promote",
            "mirror": {"member": "mnist-v2", "percent": 10},
            "match": [{"headers": {"x-tester": {"exact": "yes"}}}],
            "gates": [{"name": "qa", "type": "confirmPromotion", "url": "https://qa.example.com/ok"}],
            "windows": [{"schedule": "0 9 * * 1-5", "duration": "8h", "timeZone": "Europe/Zurich"}],
            "notify": [{"url": "https://hooks.example.com/x", "format": "CloudEvents"}],
        }
    },
    "analysis": {
        "source": {"prometheus": {"address": "http://prometheus.istio-system:9090"}},
        "interval": "15s",
        "initialDelay": "0s",
        "deadline": "2h",
        "onInconclusive": "Hold",
        "falseRollbackRate": "0.01",
        "missRate": "0.05",
        "metrics": [
            {
                "name": "error-rate",
                "tolerance": {"ratio": "1"},
                "margin": {"ratio": "2", "add": "0.002"},
            },
            {
                "name": "refusals",
                "good": 'sum by (member) (answers_total{split="{{ split }}"})',
                "bad": 'sum by (member) (refusals_total{split="{{ split }}"})',
                "limit": "0.05",
                "dryRun": True,
            },
        ],
    },
    "suspend": False,
    "reportProgress": "UntilPromoted",
}

BLUE_GREEN: Body = {
    "weightsFrom": "Spec",
    "members": MEMBERS,
    "strategy": {
        "blueGreen": {
            "autoPromotionEnabled": False,
            "preview": {"headerName": "x-meshsplit-preview"},
            "prePromotionChecks": {"minRequests": 500, "maxErrorPercent": "0.5", "within": "10m"},
            "scaleDownDelay": "30m",
        }
    },
    "analysis": {"source": {"gateway": {}}},
}


def read(**spec: Any) -> ModelSplit:
    split = to_modelsplit(make_model_split(**spec))
    assert isinstance(split, ModelSplit), split
    return split


def refuse(**spec: Any) -> tuple[Finding, ...]:
    findings = to_modelsplit(make_model_split(**spec))
    assert not isinstance(findings, ModelSplit)
    return findings


def refuse_one(code: str = "MSP009", /, **spec: Any) -> Finding:
    (finding,) = refuse(**spec)
    assert finding.code == code
    assert finding.fix
    return finding


@pytest.mark.parametrize("spec", [CANARY, BLUE_GREEN, {"modelTag": "mnist"}])
def test_every_documented_field_is_accepted_and_kept(spec: Body) -> None:
    kept = read(**spec).spec.model_dump(by_alias=True, exclude_unset=True)
    assert kept == spec


def test_weights_are_read_from_annotations_by_default() -> None:
    assert read(modelTag="mnist").spec.weights_from == "Annotations"


def test_an_unknown_field_is_refused_with_its_nearest_name() -> None:
    finding = refuse_one(modelTag="mnist", routing={"gatways": ["a/b"]})
    assert finding.path == ("spec", "routing", "gatways")
    assert finding.fix == "did you mean gateways?"


def test_a_misspelt_required_field_is_one_finding() -> None:
    finding = refuse_one(weightsFrom="Spec", members=[{"name": "blue", "weigth": 100}])
    assert finding.path == ("spec", "members", 0, "weigth")
    assert finding.fix == "did you mean weight?"


def test_an_unknown_field_that_is_close_to_nothing_is_to_be_removed() -> None:
    assert refuse_one(modelTag="mnist", zzz=1).fix == "remove it"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"weightsFrom": "Spec", "members": [MEMBERS[0], MEMBERS[0]]}, "members: blue is listed twice"),
        (
            {"modelTag": "m", "analysis": {"source": {}}},
            "analysis.source: set exactly one of prometheus, gateway",
        ),
    ],
)
def test_rules_that_the_crd_has_in_its_schema_are_said_in_words(spec: Body, message: str) -> None:
    assert refuse_one(**spec).message == message


def test_a_canary_without_steps_follows_the_evidence() -> None:
    strategy = read(modelTag="m", strategy={"canary": {}}).spec.strategy
    assert strategy is not None
    assert strategy.canary is not None
    assert strategy.canary.step_weights is None


def test_equal_steps_are_sorted_as_the_api_server_sees_it() -> None:
    read(modelTag="m", strategy={"canary": {"stepWeights": [5, 5]}})


def test_a_sum_that_is_wrong_is_not_the_schemas_matter() -> None:
    read(weightsFrom="Spec", members=[{"name": "a", "weight": 80}, {"name": "b", "weight": 30}])


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"modelTag": ""}, ("spec", "modelTag")),
        ({"modelTag": "m" * 64}, ("spec", "modelTag")),
        ({"modelTag": 1}, ("spec", "modelTag")),
        ({"modelTag": "m", "weightsFrom": "spec"}, ("spec", "weightsFrom")),
        ({"modelTag": "m", "suspend": "false"}, ("spec", "suspend")),
        ({"weightsFrom": "Spec", "members": []}, ("spec", "members")),
        (
            {"weightsFrom": "Spec", "members": [{"name": "a", "weight": 101}]},
            ("spec", "members", 0, "weight"),
        ),
        ({"weightsFrom": "Spec", "members": [{"name": "a", "weight": -1}]}, ("spec", "members", 0, "weight")),
        (
            {"weightsFrom": "Spec", "members": [{"name": "a", "weight": 1.5}]},
            ("spec", "members", 0, "weight"),
        ),
        ({"weightsFrom": "Spec", "members": [{"name": "A", "weight": 100}]}, ("spec", "members", 0, "name")),
        ({"modelTag": "m", "routing": []}, ("spec", "routing")),
        ({"modelTag": "m", "routing": {"hosts": ["a b"]}}, ("spec", "routing", "hosts", 0)),
        ({"modelTag": "m", "routing": {"hosts": ["a.com"] * 17}}, ("spec", "routing", "hosts")),
        ({"modelTag": "m", "routing": {"gateways": ["a/b/c"]}}, ("spec", "routing", "gateways", 0)),
        ({"modelTag": "m", "routing": {"timeout": "0s"}}, ("spec", "routing", "timeout")),
        ({"modelTag": "m", "routing": {"timeout": 30}}, ("spec", "routing", "timeout")),
        ({"modelTag": "m", "routing": {"protocols": []}}, ("spec", "routing", "protocols")),
        ({"modelTag": "m", "routing": {"protocols": ["tcp"]}}, ("spec", "routing", "protocols", 0)),
        ({"modelTag": "m", "routing": {"loopHost": "gw:x"}}, ("spec", "routing", "loopHost")),
        ({"modelTag": "m", "analysis": {"missRate": "1.5"}}, ("spec", "analysis", "missRate")),
        ({"modelTag": "m", "analysis": {"missRate": 0.05}}, ("spec", "analysis", "missRate")),
        ({"modelTag": "m", "sessionAffinity": {"header": "a b"}}, ("spec", "sessionAffinity", "header")),
        ({"modelTag": "m", "sessionAffinity": {"header": "a.b"}}, ("spec", "sessionAffinity", "header")),
        ({"modelTag": "m", "sessionAffinity": {}}, ("spec", "sessionAffinity")),
    ],
)
def test_a_value_out_of_bounds_is_refused_at_its_field(spec: Body, path: tuple[str | int, ...]) -> None:
    assert refuse_one(**spec).path == path


def test_the_fix_of_an_unquoted_string_and_of_a_quoted_number() -> None:
    assert refuse_one(modelTag=80).fix == 'quote it: "80"'
    (finding,) = refuse(weightsFrom="Spec", members=[{"name": "a", "weight": "100"}])
    assert finding.fix == "remove the quotes: 100"


def test_null_means_absent() -> None:
    assert read(modelTag="m", members=None, strategy=None).spec.members is None


@pytest.mark.parametrize("spec", [None, "x", [], 3])
def test_a_spec_that_is_no_map_is_refused(spec: object) -> None:
    findings = to_modelsplit(make_model_split() | {"spec": spec})
    assert not isinstance(findings, ModelSplit)
    assert findings[0].path == ("spec",)


def test_another_version_is_refused() -> None:
    findings = to_modelsplit(make_model_split(modelTag="m") | {"apiVersion": "meshsplit.dev/v2"})
    assert not isinstance(findings, ModelSplit)
    assert findings[0].message == 'apiVersion is "meshsplit.dev/v2", want meshsplit.dev/v1alpha1'


def advice(**spec: Any) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(finding.code, finding.path) for finding in advise(read(modelTag="mnist", **spec))]


@pytest.mark.parametrize(
    ("affinity", "code", "field"),
    [
        ({"header": "User-Agent"}, "MSP401", "header"),
        ({"header": "x-request-id", "cookie": {}}, "MSP401", "header"),
        ({"sourceIp": True}, "MSP402", "sourceIp"),
        ({"sourceIp": True, "cookie": {}}, "MSP402", "sourceIp"),
    ],
)
def test_what_cannot_keep_a_client_on_a_member_is_refused_by_name(
    affinity: Body, code: str, field: str
) -> None:
    finding = refuse_one(code, modelTag="m", sessionAffinity=affinity)
    assert finding.path == ("spec", "sessionAffinity", field)


def test_a_header_of_the_clients_own_is_taken_at_its_word() -> None:
    assert advice(sessionAffinity={"header": "x-user"}) == []


def test_a_cookie_is_no_use_to_grpc_unless_a_header_stands_in() -> None:
    cookie = {"cookie": {"name": "c"}}
    noted = ("MSP403", ("spec", "sessionAffinity", "cookie"))
    assert noted in advice(sessionAffinity=cookie)
    assert noted in advice(sessionAffinity=cookie, routing={"protocols": ["grpc"]})
    assert noted not in advice(sessionAffinity=cookie, routing={"protocols": ["http"]})
    assert noted not in advice(sessionAffinity={**cookie, "header": "x-user"})


def test_every_field_that_is_not_acted_upon_is_named() -> None:
    told = {"url": "https://chat.example.com/hook"}
    canary = {"canary": {"stepWeights": [5, 50], "notify": [told]}}
    found = advice(strategy=canary, analysis={}, suspend=True, reportProgress="UntilPromoted")
    assert found == [("MSP008", ("spec", "reportProgress"))]
    assert advice(strategy={"blueGreen": {"prePromotionChecks": {"minRequests": 500}}}) == []


def test_routes_on_sidecars_are_warned_about() -> None:
    found = advice(routing={"gateways": ["istio-system/gw", "mesh"], "hosts": ["a.example.com"]})
    assert found == [("MSP310", ("spec", "routing", "gateways", 1))]


def test_advancing_without_evidence_is_warned_about() -> None:
    assert advice(analysis={"onInconclusive": "Advance"}) == [
        ("MSP504", ("spec", "analysis", "onInconclusive")),
    ]


def test_a_metric_needs_a_tolerance_or_a_limit() -> None:
    own = {"good": "x_total", "bad": "y_total"}
    metrics = [
        {"name": "a", **own},
        {"name": "b", "limit": "0.1", **own},
        {"name": "c", "tolerance": {"ratio": "1"}, **own},
    ]
    assert advice(analysis={"metrics": metrics}) == [
        ("MSP501", ("spec", "analysis", "metrics", 0)),
    ]


@pytest.mark.parametrize("side", ["good", "bad"])
def test_a_query_must_tell_members_apart(side: str) -> None:
    metric = {"name": "a", "limit": "0.1", "good": "x_total", "bad": "y_total", side: "sum(z_total)"}
    assert advice(analysis={"metrics": [metric]}) == [
        ("MSP502", ("spec", "analysis", "metrics", 0, side)),
    ]


@pytest.mark.parametrize(
    ("metric", "source"),
    [
        ({"name": "refusals"}, {"prometheus": {"address": "http://p:9090"}}),
        ({"name": "refusals", "good": "x"}, None),
        ({"name": "error-rate", "bad": "x"}, None),
        ({"name": "refusals", "good": "x", "bad": "y"}, {"gateway": {}}),
    ],
)
def test_a_metric_needs_counters(metric: dict[str, Any], source: dict[str, Any] | None) -> None:
    analysis = {"metrics": [{"limit": "0.1", **metric}], **({"source": source} if source else {})}
    assert advice(analysis=analysis) == [("MSP506", ("spec", "analysis", "metrics", 0))]


@pytest.mark.parametrize("name", ["error-rate", "latency"])
def test_built_in_metrics_need_no_counters_of_their_own(name: str) -> None:
    metric = {"name": name, "tolerance": {"ratio": "1"}}
    assert advice(analysis={"metrics": [metric], "source": {"gateway": {}}}) == []


@pytest.mark.parametrize("function", ["rate", "irate", "increase"])
def test_a_query_must_be_a_raw_counter(function: str) -> None:
    bad = f"sum by (member) ({function} (x_total[1m]))"
    metric = {"name": "a", "limit": "0.1", "good": "rate_total", "bad": bad}
    assert advice(analysis={"metrics": [metric]}) == [
        ("MSP505", ("spec", "analysis", "metrics", 0, "bad")),
    ]
