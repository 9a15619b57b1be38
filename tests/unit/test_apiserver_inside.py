"""The embedded API server from other threads of its process, beside clients that use HTTP."""

import threading
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import httpx
import pytest

from meshsplit.local.apiserver import ApiServer
from meshsplit.local.apiserver.builtin import BUILT_IN
from meshsplit.local.apiserver.operation import APPLY, Operation, Options
from meshsplit.local.apiserver.status import Refused
from support.waiting import DEADLINE_SECONDS
from support.widgets import OPEN_CRD

CONFIG_MAPS = ("", "configmaps")
SECRETS = ("", "secrets")
URL = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer.start() as running:
        yield running


def config_map(name: str, verb: str = "create") -> Operation:
    resource = next(one for one in BUILT_IN if one.key == CONFIG_MAPS)
    body = {"metadata": {"name": name}} if verb == "create" else None
    return Operation(verb, resource, "default", "" if verb == "create" else name, body=body)


def names(server: ApiServer) -> list[str]:
    return [body["metadata"]["name"] for body in server.snapshot([CONFIG_MAPS])[CONFIG_MAPS]]


def test_what_is_sent_is_what_http_clients_see(server: ApiServer) -> None:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        with client.stream("GET", URL, params={"watch": "1", "resourceVersion": "0"}) as watch:
            assert server.send(config_map("a")).code == 201
            assert '"name":"a"' in next(watch.iter_lines())
        assert client.get(f"{URL}/a").json()["metadata"]["name"] == "a"
        client.post(URL, json={"metadata": {"name": "b"}}).raise_for_status()
    assert names(server) == ["a", "b"]


def test_a_refusal_is_raised_where_it_was_asked_for(server: ApiServer) -> None:
    server.send(config_map("a"))
    with pytest.raises(Refused, match="already exists") as refused:
        server.send(config_map("a"))
    assert refused.value.code == 409


def test_kinds_are_found_as_objects_name_them(server: ApiServer) -> None:
    assert server.find("example.dev/v1", "Open") is None
    crds = server.find("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    assert crds is not None
    options = Options(field_manager="test")
    server.send(
        Operation(
            "patch", crds, name="opens.example.dev", body=deepcopy(OPEN_CRD), patch=APPLY, options=options
        )
    )
    found = server.find("example.dev/v1", "Open")
    assert found is not None
    assert found.plural == "opens"
    assert found.key in {resource.key for resource in server.resources()}


def test_a_change_of_a_kind_wakes_who_subscribed_to_it(server: ApiServer) -> None:
    changes, others = server.subscribe([CONFIG_MAPS]), server.subscribe([SECRETS])
    woken = threading.Event()

    def wait() -> None:
        if changes.wait(DEADLINE_SECONDS, quiet=0.0, burst=0.0):
            woken.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    server.send(config_map("a"))
    waiting.join(DEADLINE_SECONDS)
    assert woken.is_set()
    assert not others.wait(0.0, quiet=0.0, burst=0.0)


def test_changes_that_come_together_are_waited_for_together(server: ApiServer) -> None:
    changes = server.subscribe([CONFIG_MAPS])
    for name in ("a", "b", "c"):
        server.send(config_map(name))
    assert changes.wait(DEADLINE_SECONDS, quiet=0.01, burst=1.0)
    assert not changes.wait(0.0, quiet=0.0, burst=0.0)
    server.send(config_map("a", "delete"))
    assert changes.wait(DEADLINE_SECONDS, quiet=0.0, burst=0.0)
    assert names(server) == ["b", "c"]


def test_a_call_from_inside_is_kept_in_the_state_file(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with ApiServer.start(state_file=state) as server:
        server.send(config_map("a"))
    with ApiServer.start(state_file=state) as server:
        assert names(server) == ["a"]
