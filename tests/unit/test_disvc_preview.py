"""A DistributedInferenceService before a cluster has it: what lint finds, and what render shows."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from meshsplit.cli.main import cli
from meshsplit.disvc.preview import Preview, preview_disvcs
from meshsplit.kserve.decode import ref_of
from meshsplit.model import Settings
from support.disvcs import NAME, RUNTIME, make_template
from support.manifests import NAMESPACE, make_namespace, make_object
from support.stepdisvc import World

EXAMPLE = str(Path(__file__).resolve().parents[2] / "examples" / "rolling-update")
KSERVE = "serving.kserve.io/v1alpha1"
GATEWAY = "service-mesh.opendatahub.io/public-gateway-name"
PORTS = [{"name": "h2c", "containerPort": 8081}]


def make(name: str = NAME, namespace: str = NAMESPACE, **spec: Any) -> dict[str, Any]:
    asked = {"inferenceService": make_template(), **spec}
    return make_object(KSERVE, "DistributedInferenceService", name, namespace, spec=asked)


def rolling(**shares: Any) -> dict[str, Any]:
    return {"rollingUpdate": shares}


def speaking_grpc() -> dict[str, Any]:
    template = make_template()
    template["predictor"]["model"]["ports"] = PORTS
    return template


def preview(*bodies: dict[str, Any]) -> Preview:
    (found,) = preview_disvcs(bodies, Settings())
    return found


def codes(*bodies: dict[str, Any]) -> list[str]:
    return [finding.code for finding in preview(*bodies).findings]


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


class TestLint:
    def test_the_example_is_fine(self) -> None:
        assert run("lint", "--fail-on", "note", EXAMPLE).exit_code == 0

    @pytest.mark.parametrize(
        ("replicas", "strategy", "found"),
        [
            (4, None, []),
            (4, rolling(maxSurge=4), []),
            (4, rolling(maxSurge=3, maxUnavailable=1), []),
            (4, rolling(maxSurge=2, maxUnavailable=1), []),
            (4, rolling(maxSurge=1, maxUnavailable=1), ["MSP801"]),
            (4, rolling(maxSurge="25%", maxUnavailable="25%"), ["MSP801"]),
            (1, rolling(maxSurge=0), ["MSP801"]),
            (1, rolling(maxSurge=0, maxUnavailable=1), []),
            (4, {"type": "Recreate", **rolling(maxSurge=1)}, []),
            (0, rolling(maxSurge=0), []),
        ],
    )
    def test_a_version_that_has_no_room_is_said(
        self, replicas: int, strategy: dict[str, Any] | None, found: list[str]
    ) -> None:
        given: dict[str, Any] = {} if strategy is None else {"deploymentStrategy": strategy}
        assert codes(make(replicas=replicas, **given)) == found

    def test_what_it_says_of_room_is_what_a_controller_comes_to(self) -> None:
        replicas = 3
        for surge, missing in ((1, 0), (1, 1), (2, 0)):
            strategy = rolling(maxSurge=surge, maxUnavailable=missing)
            world = World()
            world.create(replicas=replicas, deploymentStrategy=strategy)
            controller = world.settle()
            world.update("gs://models/iris-2")
            world.settle(controller)
            stuck = world.condition("Progressing") == ("False", "NoRoom")
            body = make(replicas=replicas, deploymentStrategy=strategy)
            assert codes(body) == (["MSP801"] if stuck else [])

    @pytest.mark.parametrize(
        ("length", "replicas", "found"),
        [
            (46, 1, []),
            (47, 1, ["MSP804"]),
            (48, 1, ["MSP804"]),
            (49, 1, ["MSP802"]),
            (48, 10, ["MSP804"]),
            (48, 11, ["MSP802"]),
        ],
    )
    def test_a_name_must_leave_room_for_what_kserve_adds(
        self, length: int, replicas: int, found: list[str]
    ) -> None:
        assert codes(make("i" * length, replicas=replicas, namespace="team")) == found

    def test_a_host_of_more_than_63_characters_is_said(self) -> None:
        assert codes(make("iris", "n" * 58)) == []
        assert codes(make("iris", "n" * 59)) == ["MSP802"]

    def test_of_two_that_make_one_host_the_second_by_age_or_else_by_name_is_told(self) -> None:
        first, second = make("iris-a", "b"), make("iris", "a-b")
        previews = preview_disvcs([first, second], Settings())
        told = {each.ref.namespace: [finding.code for finding in each.findings] for each in previews}
        assert told == {"a-b": [], "b": ["MSP805"]}
        second["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
        first["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
        previews = preview_disvcs([first, second], Settings())
        (finding,) = (finding for each in previews for finding in each.findings)
        assert (finding.object, "b/iris-a" in finding.message) == (ref_of(second), True)

    def test_another_domain_is_another_host(self) -> None:
        bodies = [make("iris-a", "b"), make("iris", "a-b", domain="models.example.com")]
        assert [each.findings for each in preview_disvcs(bodies, Settings())] == [(), ()]

    @pytest.mark.parametrize(
        ("given", "found"),
        [
            ({"replicas": 2}, ["MSP803"]),
            ({"replicas": 1}, []),
            ({"replicas": 1, "sessionAffinity": {"cookie": {}}}, ["MSP803"]),
            ({"replicas": 2, "sessionAffinity": {"header": "x-client-id"}}, []),
            ({"replicas": 2, "sessionAffinity": {"none": True}}, []),
        ],
    )
    def test_a_cookie_for_grpc_is_noted(self, given: dict[str, Any], found: list[str]) -> None:
        assert codes(make(inferenceService=speaking_grpc(), **given)) == found

    def test_one_that_is_invalid_is_said_at_its_line(self, tmp_path: Path) -> None:
        path = tmp_path / "iris.yaml"
        path.write_text(
            f"apiVersion: {KSERVE}\nkind: DistributedInferenceService\nmetadata: {{name: iris}}\n"
            "spec:\n  replicas: many\n  inferenceService: {}\n"
        )
        done = run("lint", str(path), "-o", "github")
        assert done.exit_code == 1
        assert f"::error file={path},line=5,col=13::MSP009 " in done.stdout

    def test_a_kind_of_that_name_in_another_group_is_not_ours(self) -> None:
        assert preview_disvcs([make() | {"apiVersion": "example.com/v1"}], Settings()) == ()


class TestRender:
    def test_what_is_shown_is_what_a_controller_writes_but_for_the_owner(self) -> None:
        runtime = make_object(KSERVE, "ServingRuntime", "sklearn", NAMESPACE, spec=RUNTIME)
        for given in ({"replicas": 1}, {"replicas": 3}, {"replicas": 2, "exposure": "Ingress"}):
            world = World()
            world.create(**given)
            world.settle()
            written = world.objects()
            for body in written.values():
                assert body["metadata"].pop("ownerReferences") == [NAME]
            shown = preview(make(drainSeconds=30, **given), make_namespace(), runtime)
            assert shown.unnamed == ""
            assert {f"{body['kind']} {body['metadata']['name']}": body for body in shown.objects} == written

    def test_of_a_canary_the_modelsplit_is_shown_and_a_route_that_leaves_it_to_that(self) -> None:
        *_, split, route = preview(make(deploymentStrategy={"type": "Canary"}), make_namespace()).objects
        assert (split["kind"], split["metadata"]["name"]) == ("ModelSplit", NAME)
        assert split["spec"]["members"] == [{"name": f"{NAME}-v1", "weight": 100}]
        assert route["spec"]["http"][0]["delegate"]["name"] == f"{NAME}-splitting"

    def test_it_is_shown_when_asked_for_and_else_only_said(self) -> None:
        quiet = run("render", EXAMPLE)
        assert quiet.exit_code == 0
        assert quiet.stdout == ""
        assert "--disvc" in quiet.stderr
        shown = run("render", "--disvc", EXAMPLE, "-o", "json")
        assert [body["metadata"]["name"] for body in json.loads(shown.stdout)["items"]] == [
            "iris-v1",
            "iris-v1",
            "iris-v1-0",
            "iris-v1-1",
            "iris",
            "iris",
        ]
        assert "not to be applied" in shown.stderr
        assert "no runtime is known" in shown.stderr

    def test_the_gateway_of_the_namespace_comes_first(self) -> None:
        namespace = make_namespace()
        namespace["metadata"]["annotations"][GATEWAY] = "istio-system/own"
        route = preview(make(), namespace).objects[-1]
        assert route["spec"]["gateways"] == ["istio-system/own", "mesh"]

    def test_nothing_is_shown_of_one_that_cannot_be_read(self) -> None:
        assert preview(make(replicas="many")).objects == ()
