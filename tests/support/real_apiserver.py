"""A real kube-apiserver with its etcd, as envtest starts them: no controllers, no kubelet."""

import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import socket

import yaml

from support.waiting import eventually

START_SECONDS = 60.0
TOKEN = "meshsplit-test"
_HOST = "127.0.0.1"


def _free_port() -> int:
    with socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def real_apiserver(assets: Path, folder: Path) -> Iterator[Path]:
    """Start both from the folder `assets`; the path of an administrator's kubeconfig."""
    etcd, peer, port = _free_port(), _free_port(), _free_port()
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    key = folder / "account.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    with ExitStack() as running:
        running.enter_context(
            _program(
                str(assets / "etcd"),
                f"--data-dir={folder / 'etcd'}",
                "--unsafe-no-fsync",
                f"--listen-client-urls=http://{_HOST}:{etcd}",
                f"--advertise-client-urls=http://{_HOST}:{etcd}",
                f"--listen-peer-urls=http://{_HOST}:{peer}",
            )
        )
        running.enter_context(
            _program(
                str(assets / "kube-apiserver"),
                f"--etcd-servers=http://{_HOST}:{etcd}",
                f"--cert-dir={folder / 'certificates'}",
                f"--bind-address={_HOST}",
                f"--secure-port={port}",
                f"--token-auth-file={folder / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                "--service-cluster-ip-range=10.0.0.0/24",
            )
        )
        authority = folder / "certificates" / "apiserver.crt"
        eventually(authority.exists, "the API server has made its certificate", START_SECONDS)
        eventually(lambda: _is_ready(port, authority), "the API server is ready", START_SECONDS)
        yield _write_kubeconfig(folder / "kubeconfig", port, authority)


@contextmanager
def _program(*words: str) -> Iterator[None]:
    started = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        started.terminate()
        started.wait()


def _is_ready(port: int, authority: Path) -> bool:
    asked = urllib.request.Request(
        f"https://{_HOST}:{port}/readyz", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    try:
        with urllib.request.urlopen(  # noqa: S310 - https, on this machine
            asked, context=ssl.create_default_context(cafile=str(authority))
        ) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _write_kubeconfig(path: Path, port: int, authority: Path) -> Path:
    cluster = {"server": f"https://{_HOST}:{port}", "certificate-authority": str(authority)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }
    path.write_text(yaml.safe_dump(content))
    return path
