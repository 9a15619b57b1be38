"""The port over real sockets: what is sent, what comes back, and how each fault looks to the caller."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from kubernetes.client import Configuration

from meshsplit.kube.client import Client
from meshsplit.kube.impersonation import Impersonation
from meshsplit.kube.port import (
    ApiError,
    Conflict,
    EventType,
    Forbidden,
    Gone,
    NotFound,
    Resource,
    TooManyRequests,
    Unavailable,
)
from meshsplit.kube.sockets import Sockets
from support.kube_objects import WIDGETS, bookmark, line, list_of, make_widget, names_of, status_of
from support.scripted_api import answer, hung_up, scripted_api, silent, stream, trickle
from support.waiting import DEADLINE_SECONDS, eventually

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
WIDGET = make_widget("a", "t", 5)


def make_client(url: str, **options: Any) -> Client:
    configuration = Configuration(host=url)
    configuration.api_key["BearerToken"] = "Bearer sesame"
    return Client(configuration, **options)


def test_a_page_is_asked_for_and_cut_into_objects() -> None:
    first = list_of(make_widget("ä", "{", 3), make_widget("b", 'x"}', 4), version=7, token="more of it")
    with scripted_api(answer(200, first), answer(200, list_of(version=7))) as api:
        client = make_client(api.url)
        page = client.list_page(WIDGETS, namespace="ns", labels="app in (x,y)")
        last = client.list_page(WIDGETS, limit=0, continue_token=page.continue_token)
    assert names_of(page.items) == ["ä", "b"]
    assert [item.resource_version for item in page.items] == ["3", "4"]
    assert (page.resource_version, page.continue_token) == ("7", "more of it")
    assert (last.items, last.continue_token) == ((), "")
    asked, again = api.requests
    assert asked.path == "/apis/cases.example.com/v1/namespaces/ns/widgets"
    assert asked.query == {"labelSelector": "app in (x,y)", "limit": "500"}
    assert asked.headers["Authorization"] == "Bearer sesame"
    assert again.path == "/apis/cases.example.com/v1/widgets"
    assert again.query == {"continue": "more of it"}


def test_a_watch_gives_events_and_bookmarks_and_ends_with_the_servers() -> None:
    events = (line("ADDED", WIDGET), bookmark(9), line("DELETED", make_widget("a", "t", 11)))
    with scripted_api(stream(*events)) as api:
        watch = make_client(api.url).watch(WIDGETS, resource_version="4", timeout_seconds=321)
        seen = [(event.type, event.item.key.name, event.item.resource_version) for event in watch]
    assert seen == [
        (EventType.ADDED, "a", "5"),
        (EventType.BOOKMARK, "", "9"),
        (EventType.DELETED, "a", "11"),
    ]
    assert api.requests[0].query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "4",
        "timeoutSeconds": "321",
    }


def test_an_event_may_come_in_pieces() -> None:
    whole = line("ADDED", WIDGET) + line("MODIFIED", WIDGET)
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    with scripted_api(stream(*pieces)) as api:
        watch = make_client(api.url).watch(WIDGETS, resource_version="4", timeout_seconds=300)
        assert [event.type for event in watch] == [EventType.ADDED, EventType.MODIFIED]


def test_an_error_event_is_raised_after_the_events_before_it() -> None:
    expired = line("ERROR", status_of(410, "Expired", "too old resource version: 1 (36949)"))
    with scripted_api(stream(line("ADDED", WIDGET), expired, end="silent")) as api:
        watch = iter(make_client(api.url).watch(WIDGETS, resource_version="1", timeout_seconds=300))
        assert next(watch).type is EventType.ADDED
        with pytest.raises(Gone, match="too old resource version"):
            next(watch)


@pytest.mark.parametrize(
    "broken", [b"nonsense\n", b'{"type": "ADDED"}\n', line("SOMETHING", WIDGET), b"[]\n"]
)
def test_a_broken_event_breaks_the_watch(broken: bytes) -> None:
    with scripted_api(stream(broken, end="silent")) as api:
        watch = make_client(api.url).watch(WIDGETS, resource_version="1", timeout_seconds=300)
        with pytest.raises(Unavailable, match="watch event cannot be read"):
            next(iter(watch))


def test_a_cut_watch_is_not_an_ended_one() -> None:
    with scripted_api(stream(line("ADDED", WIDGET), end="cut")) as api:
        watch = iter(make_client(api.url).watch(WIDGETS, resource_version="1", timeout_seconds=300))
        assert next(watch).type is EventType.ADDED
        with pytest.raises(Unavailable):
            next(watch)


def test_a_half_open_watch_is_given_up() -> None:
    with scripted_api(stream(line("ADDED", WIDGET), end="silent")) as api:
        client = make_client(api.url, silence=2.0)
        watch = iter(client.watch(WIDGETS, resource_version="1", timeout_seconds=300))
        assert next(watch).type is EventType.ADDED
        with pytest.raises(Unavailable) as raised:
            next(watch)
    assert raised.value.reason == "Timeout"


def test_a_dry_run_says_so_with_everything_that_it_writes() -> None:
    with scripted_api(*[answer(200, WIDGET)] * 4) as api:
        client = make_client(api.url, field_manager="tester", dry_run=True)
        client.create(WIDGETS, WIDGET)
        client.patch(WIDGETS, "ns", "a", {})
        client.apply(WIDGETS, WIDGET)
        client.delete(WIDGETS, "ns", "a")
    assert [request.query["dryRun"] for request in api.requests] == ["All"] * 4


def test_an_apply_sends_the_whole_object_and_reads_the_created_one() -> None:
    desired = {**WIDGET, "spec": {"tag": "\U0001f600\x7f"}}
    with scripted_api(answer(201, WIDGET), answer(200, WIDGET)) as api:
        client = make_client(api.url, field_manager="tester")
        assert b'"resourceVersion": "5"' in client.apply(WIDGETS, desired)
        client.apply_status(WIDGETS, desired, force=False)
    whole, status = api.requests
    assert (whole.method, whole.path) == ("PATCH", "/apis/cases.example.com/v1/namespaces/ns/widgets/a")
    assert whole.query == {"fieldManager": "tester", "force": "true"}
    assert whole.headers["Content-Type"] == "application/apply-patch+yaml"
    assert whole.content == desired
    # A YAML reader joins no surrogate pairs and takes no bare control characters.
    assert "\U0001f600\\u007f".encode() in whole.body
    assert status.path.endswith("/widgets/a/status")
    assert status.query["force"] == "false"


def test_create_patch_get_and_delete() -> None:
    with scripted_api(*[answer(200, WIDGET)] * 5) as api:
        client = make_client(api.url)
        client.create(WIDGETS, WIDGET)
        client.patch(WIDGETS, "ns", "a", {"spec": {"tag": None}})
        client.get(NAMESPACES, "", "a/b")
        client.delete(WIDGETS, "ns", "a", uid="u1", version=7)
        client.delete(WIDGETS, "ns", "a")
    create, patch, get, exact, plain = api.requests
    assert (create.method, create.path) == ("POST", "/apis/cases.example.com/v1/namespaces/ns/widgets")
    assert (patch.method, patch.content) == ("PATCH", {"spec": {"tag": None}})
    assert patch.headers["Content-Type"] == "application/merge-patch+json"
    assert (get.method, get.path) == ("GET", "/api/v1/namespaces/a%2Fb")
    assert (exact.method, exact.content) == (
        "DELETE",
        {"preconditions": {"uid": "u1", "resourceVersion": "7"}},
    )
    assert plain.content == {}


@pytest.mark.parametrize(
    ("code", "reason", "family"),
    [
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", Conflict),
        (410, "Expired", Gone),
        (422, "Invalid", ApiError),
        (500, "InternalError", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
    ],
)
def test_a_refusal_is_one_of_the_family(code: int, reason: str, family: type[ApiError]) -> None:
    with (
        scripted_api(answer(code, status_of(code, reason, "because"))) as api,
        pytest.raises(ApiError) as raised,
    ):
        make_client(api.url).get(WIDGETS, "ns", "a")
    assert type(raised.value) is family
    assert (raised.value.status, raised.value.reason, raised.value.message) == (code, reason, "because")


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [
        ({"Retry-After": "7"}, {}, 7.0),
        ({}, {"retryAfterSeconds": 3}, 3.0),
        ({"Retry-After": "soon"}, {}, 1.0),
    ],
)
def test_too_many_requests_says_when(
    headers: dict[str, str], details: dict[str, int], seconds: float
) -> None:
    step = answer(429, status_of(429, "TooManyRequests", "slow down", **details), headers)
    with scripted_api(step) as api, pytest.raises(TooManyRequests) as raised:
        make_client(api.url).get(WIDGETS, "ns", "a")
    assert raised.value.retry_after == seconds
    assert len(api.requests) == 1


def test_a_proxys_error_page_is_still_an_error() -> None:
    page = b"<html>Bad gateway \xff</html>"
    with scripted_api(answer(502, page)) as api, pytest.raises(Unavailable, match="Bad gateway"):
        make_client(api.url).get(WIDGETS, "ns", "a")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"<html>", b'{"items": [1], "metadata": {}}', b'{"items": []}']
)
def test_an_answer_that_is_no_list_is_an_error(content: bytes) -> None:
    with scripted_api(answer(200, content)) as api, pytest.raises(Unavailable, match="list cannot be read"):
        make_client(api.url).list_page(WIDGETS)


@pytest.mark.parametrize(
    "odd", [b"[" * 500 + b"]" * 500, rb'"\ud83d"'], ids=["500 levels", "half of a surrogate pair"]
)
def test_an_odd_object_does_not_hide_its_neighbours(odd: bytes) -> None:
    content = list_of(WIDGET, {**WIDGET, "odd": "HERE"}, version=3).replace(b'"HERE"', odd)
    with scripted_api(answer(200, content)) as api:
        page = make_client(api.url).list_page(WIDGETS)
    assert [item.body.get("odd") for item in page.items] == [None, json.loads(odd)]


@pytest.mark.parametrize("fault", [silent, trickle(b"x" * 100)])
def test_a_slow_answer_is_given_up(fault: Callable[..., None]) -> None:
    with scripted_api(fault) as api, pytest.raises(Unavailable) as raised:
        make_client(api.url, timeout=0.2).list_page(WIDGETS)
    assert raised.value.reason == "Timeout"


def test_no_answer_is_no_status() -> None:
    with scripted_api(hung_up) as api, pytest.raises(Unavailable) as cut:
        make_client(api.url).get(WIDGETS, "ns", "a")
    with pytest.raises(Unavailable) as refused:
        make_client(api.url).get(WIDGETS, "ns", "a")
    assert (cut.value.status, refused.value.status) == (0, 0)


def test_a_token_is_renewed_before_it_is_sent() -> None:
    """A pod's token file changes while it runs; the package's hook reads it again."""
    tokens = iter(["Bearer first", "Bearer second"])
    with scripted_api(*[answer(200, WIDGET)] * 2) as api:
        configuration = Configuration(host=api.url)
        configuration.api_key["BearerToken"] = "none yet"

        def renew(it: Configuration) -> None:
            it.api_key["BearerToken"] = next(tokens)

        configuration.refresh_api_key_hook = renew  # type: ignore[assignment]  # typed as None by the package
        client = Client(configuration)
        client.get(WIDGETS, "ns", "a")
        client.get(WIDGETS, "ns", "a")
    assert [it.headers["Authorization"] for it in api.requests] == ["Bearer first", "Bearer second"]


def test_a_token_that_cannot_be_read_is_an_error_like_any_other() -> None:
    def fail(_configuration: Configuration) -> None:
        raise FileNotFoundError("/var/run/secrets/token")

    with scripted_api() as api:
        configuration = Configuration(host=api.url)
        configuration.api_key["BearerToken"] = "Bearer old"
        configuration.refresh_api_key_hook = fail  # type: ignore[assignment]  # typed as None by the package
        with pytest.raises(Unavailable, match="/var/run/secrets/token"):
            Client(configuration).get(WIDGETS, "ns", "a")


def test_close_ends_at_once_what_any_thread_waits_for() -> None:
    """A watch without events, a list without an answer: long timeouts, and neither is waited for."""
    with scripted_api(stream(bookmark(1), end="silent"), silent) as api:
        client = make_client(api.url, timeout=10 * DEADLINE_SECONDS, silence=10 * DEADLINE_SECONDS)
        errors: list[ApiError] = []

        def follow() -> None:
            try:
                list(client.watch(WIDGETS, resource_version="1", timeout_seconds=600))
            except ApiError as error:
                errors.append(error)

        def read() -> None:
            try:
                client.list_page(WIDGETS)
            except ApiError as error:
                errors.append(error)

        threads = [threading.Thread(target=follow, daemon=True)]
        threads[0].start()
        eventually(lambda: api.silences == 1)
        threads.append(threading.Thread(target=read, daemon=True))
        threads[1].start()
        eventually(lambda: api.silences == 2)
        client.close()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()
        assert len(errors) == 2
        with pytest.raises(Unavailable, match="closed"):
            client.list_page(WIDGETS)
    assert len(api.requests) == 2


def test_a_socket_that_is_connected_after_close_is_of_no_use() -> None:
    """The thread that opens it has seen the client open, the one that closes has not seen the socket."""
    sockets = Sockets()
    with scripted_api() as api:
        pool = urllib3.connectionpool.connection_from_url(api.url)
        sockets.register(pool)
        sockets.close()
        with pytest.raises(urllib3.exceptions.ProtocolError):
            pool.request("GET", "/", retries=False, timeout=DEADLINE_SECONDS)
    assert api.requests == []


def test_requests_of_one_thread_share_a_connection() -> None:
    ports: list[str] = []

    def remember(api: Any, connection: Any) -> None:
        ports.append(connection.client_address[1])
        answer(200, WIDGET)(api, connection)

    with scripted_api(*[remember] * 3) as api:
        client = make_client(api.url)
        client.get(WIDGETS, "ns", "a")
        client.get(WIDGETS, "ns", "a")
        other = threading.Thread(target=lambda: client.get(WIDGETS, "ns", "a"))
        other.start()
        other.join(DEADLINE_SECONDS)
    assert ports[0] == ports[1] != ports[2]


def test_a_user_is_acted_as_and_the_servers_own_pages_are_read() -> None:
    with scripted_api(answer(200, {"major": "1"}), answer(200, {})) as api:
        bob = Impersonation("bob", ("dev", "system:masters"))
        assert make_client(api.url, impersonate=bob).get_path("/version") == b'{"major": "1"}'
        make_client(api.url).get_path("/apis")
    assert api.requests[0].path == "/version"
    assert api.requests[0].headers["Impersonate-User"] == "bob"
    assert api.requests[0].headers.get_all("Impersonate-Group") == ["dev", "system:masters"]
    assert not any(name.startswith("Impersonate") for name in api.requests[1].headers)


def test_every_answer_is_counted_also_none() -> None:
    counted: list[tuple[str, int]] = []
    refusal = status_of(404, "NotFound", "no")
    with scripted_api(answer(200, WIDGET), answer(404, refusal), hung_up) as api:
        client = make_client(api.url, on_answered=lambda method, code: counted.append((method, code)))
        client.get(WIDGETS, "ns", "a")
        with pytest.raises(NotFound):
            client.delete(WIDGETS, "ns", "a")
        with pytest.raises(Unavailable):
            client.get(WIDGETS, "ns", "a")
    assert counted == [("GET", 200), ("DELETE", 404), ("GET", 0)]


def test_a_refused_connection_is_no_timeout() -> None:
    with scripted_api() as api:
        url = api.url
    with pytest.raises(Unavailable) as caught:
        make_client(url).get_path("/version")
    assert caught.value.reason == "ConnectionFailed"
