"""Where the way to the cluster comes from, and what the user is told when there is none."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshsplit.kube import client
from meshsplit.kube.client import ConfigurationError, find_context, find_namespace, load_configuration


def make_kubeconfig(folder: Path, **changes: Any) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "one", "user": "me"}},
            {"name": "two", "context": {"cluster": "two", "user": "me"}},
        ],
        "clusters": [
            {"name": "one", "cluster": {"server": "http://127.0.0.1:1/prefix/"}},
            {"name": "two", "cluster": {"server": "http://127.0.0.1:2"}},
        ],
        "users": [{"name": "me", "user": {"token": "sesame"}}],
        **changes,
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the machine's own kubeconfig nor a pod's account."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def test_a_kubeconfig_and_its_contexts(tmp_path: Path) -> None:
    path = str(make_kubeconfig(tmp_path))
    first = load_configuration(path)
    assert first.host == "http://127.0.0.1:1/prefix"
    assert first.auth_settings()["BearerToken"]["value"] == "Bearer sesame"
    assert load_configuration(path, "two").host == "http://127.0.0.1:2"


def test_the_environments_kubeconfig_comes_before_the_pods_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBECONFIG", str(make_kubeconfig(tmp_path)))
    assert load_configuration().host == "http://127.0.0.1:1/prefix"


def test_without_any_of_them_the_pods_account_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "")
    with pytest.raises(ConfigurationError, match="Service host/port"):
        load_configuration()


def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="three"):
        load_configuration(str(make_kubeconfig(tmp_path)), "three")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing-here"):
        load_configuration(str(tmp_path / "nothing-here"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "text",
        "a: [",
        "current-context: one",
        "\x00",
        "contexts: 5\nclusters: []\nusers: []",
        "[{}]",
    ],
)
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"cannot use .*kubeconfig: ."):
        load_configuration(str(path))


def test_a_file_of_another_kind_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("root:x:0:0:root:/root:/bin/bash\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"kubeconfig: it is no kubeconfig$"):
        load_configuration(str(path))


@pytest.mark.parametrize(
    "changes",
    [{"clusters": []}, {"users": "x"}, {"contexts": [{"name": "one"}]}, {"clusters": [{"name": "one"}]}],
)
def test_a_kubeconfig_of_another_shape_is_named(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = make_kubeconfig(tmp_path, **changes)
    with pytest.raises(ConfigurationError, match=r"cannot use .*kubeconfig: ."):
        load_configuration(str(path))


def test_the_namespace_is_that_of_the_context(tmp_path: Path) -> None:
    contexts = [
        {"name": "one", "context": {"cluster": "one", "user": "me"}},
        {"name": "two", "context": {"cluster": "two", "user": "me", "namespace": "models"}},
    ]
    path = str(make_kubeconfig(tmp_path, contexts=contexts))
    assert find_namespace(path) == "default"
    assert find_namespace(path, "two") == "models"
    assert find_namespace(str(tmp_path / "nothing-here")) == "default"


def test_the_context_is_the_current_one_or_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(make_kubeconfig(tmp_path))
    assert (find_context(path), find_context(path, "two")) == ("one", "two")
    assert find_context(str(tmp_path / "nothing-here")) == ""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    assert find_context() == ""


def test_in_a_pod_the_namespace_is_that_of_its_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    file = tmp_path / "namespace"
    file.write_text("meshsplit-system\n")
    monkeypatch.setattr(client, "POD_NAMESPACE", file)
    assert find_namespace() == "meshsplit-system"
    assert find_namespace(str(make_kubeconfig(tmp_path))) == "default"
