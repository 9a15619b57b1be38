import pytest

from meshsplit.api.settings import to_settings
from meshsplit.model import DeploymentMode, Endpoint, RestStrategy, Settings

HEAD = {"apiVersion": "cli.meshsplit.dev/v1alpha1", "kind": "Settings"}


def test_a_file_that_sets_nothing_is_the_defaults() -> None:
    assert to_settings(HEAD) == Settings()


def test_every_field_is_read() -> None:
    body = {
        **HEAD,
        "domain": "ml.example.com",
        "routing": {"rest": "Loopback", "hosts": ["b.com", "{namespace}.a.com"], "loopHost": "gw.mesh:81"},
        "deploymentMode": "ModelMesh",
        "requireEnableRoute": False,
        "istioApiVersion": "networking.istio.io/v1beta1",
    }
    assert to_settings(body) == Settings(
        domain="ml.example.com",
        hosts=("b.com", "{namespace}.a.com"),
        rest=RestStrategy.LOOPBACK,
        loop=Endpoint("gw.mesh", 81),
        default_mode=DeploymentMode.MODEL_MESH,
        require_enable_route=False,
        istio_api_version="networking.istio.io/v1beta1",
    )


@pytest.mark.parametrize(
    ("word", "mode"),
    [("RawDeployment", DeploymentMode.STANDARD), ("Serverless", DeploymentMode.KNATIVE)],
)
def test_older_words_for_deployment_modes(word: str, mode: DeploymentMode) -> None:
    settings = to_settings({**HEAD, "deploymentMode": word})
    assert isinstance(settings, Settings)
    assert settings.default_mode is mode


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ({"doman": "x"}, ("doman",)),
        ({"domain": "*.x"}, ("domain",)),
        ({"domain": 1}, ("domain",)),
        ({"routing": {"hosts": []}}, ("routing", "hosts")),
        ({"routing": {"hosts": ["{ns}.x"]}}, ("routing", "hosts", 0)),
        ({"routing": {"loopHost": "gw:99999"}}, ("routing", "loopHost")),
        ({"routing": "SingleHop"}, ("routing",)),
        ({"requireEnableRoute": "false"}, ("requireEnableRoute",)),
        ({"istioApiVersion": "networking.istio.io/v1alpha3"}, ("istioApiVersion",)),
        ({"kind": "Scenario"}, ("kind",)),
    ],
)
def test_a_mistake_is_a_finding_at_its_field(field: dict[str, object], path: tuple[str | int, ...]) -> None:
    findings = to_settings({**HEAD, **field})
    assert not isinstance(findings, Settings)
    assert [(f.code, f.object, f.path) for f in findings] == [("MSP007", None, path)]
    assert all(f.fix for f in findings)


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_what_is_no_map_is_a_finding(body: object) -> None:
    findings = to_settings(body)
    assert not isinstance(findings, Settings)
    assert findings[0].path == ()
