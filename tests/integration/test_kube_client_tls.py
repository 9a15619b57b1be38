"""The client over TLS: it believes the cluster's own authority only, and can be stopped as without."""

import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from kubernetes.client import Configuration

from meshsplit.kube.client import Client
from meshsplit.kube.port import ApiError, Unavailable
from support.kube_objects import WIDGETS, bookmark, list_of, make_widget, names_of
from support.scripted_api import answer, scripted_api, stream
from support.waiting import DEADLINE_SECONDS, eventually

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key, in one file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
    options = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "-", "-out", "-"]
    path.write_bytes(subprocess.run([*command, *options], check=True, capture_output=True).stdout)
    return path


def make_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_list_over_tls(certificate: Path) -> None:
    step = answer(200, list_of(make_widget("a", "t", 1), version=9))
    with scripted_api(step, tls=make_context(certificate)) as api:
        client = Client(Configuration(host=api.url, ssl_ca_cert=str(certificate)))
        assert names_of(client.list_page(WIDGETS).items) == ["a"]


def test_a_server_of_another_authority_is_not_believed(certificate: Path) -> None:
    with scripted_api(tls=make_context(certificate)) as api:
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            Client(Configuration(host=api.url)).list_page(WIDGETS)
        assert api.requests == []


def test_close_ends_a_silent_watch_over_tls(certificate: Path) -> None:
    errors: list[ApiError] = []
    with scripted_api(stream(bookmark(1), end="silent"), tls=make_context(certificate)) as api:
        configuration = Configuration(host=api.url, ssl_ca_cert=str(certificate))
        client = Client(configuration, silence=10 * DEADLINE_SECONDS)

        def follow() -> None:
            try:
                list(client.watch(WIDGETS, resource_version="1", timeout_seconds=600))
            except ApiError as error:
                errors.append(error)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        eventually(lambda: api.silences == 1)
        client.close()
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()
    assert [error.status for error in errors] == [0]
