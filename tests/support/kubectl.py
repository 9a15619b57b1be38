"""The real kubectl with its own home, pointed at one server."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from meshsplit.local.apiserver import ApiServer

SECONDS = 30


def need_kubectl() -> None:
    """Skip where there is none; CI has one."""
    if shutil.which("kubectl") is None:
        assert "CI" not in os.environ, "CI must have kubectl"
        pytest.skip("no kubectl on this machine")


@dataclass(frozen=True)
class Kubectl:
    """kubectl with its own home, pointed at one server."""

    server: ApiServer
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "KUBECONFIG": str(self.home / "kubeconfig"),
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
        }
        return {**own, "KUBECACHEDIR": str(self.home / "cache")}

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def __call__(self, *words: str, stdin: str = "") -> str:
        """Its output; the test fails when kubectl does."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {words}: {done.stdout}{done.stderr}"
        return done.stdout


@contextmanager
def serving(home: Path) -> Iterator[Kubectl]:
    """A new server and the kubectl for it, which keeps its files in `home`."""
    with ApiServer.start() as server:
        server.kubeconfig(home / "kubeconfig")
        yield Kubectl(server, home)
