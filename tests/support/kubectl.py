"""The real kubectl for a test, with a home of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from meshsplit.local.apiserver import ApiServer

# One command takes a tenth of a second on an idle machine, a script of hundreds some seconds.
SECONDS = 120


def need_kubectl() -> None:
    """Skip the test where there is no kubectl; fail it where CI should have one."""
    if shutil.which("kubectl") is None:
        assert "CI" not in os.environ, "CI must have kubectl"
        pytest.skip("no kubectl on this machine")


@dataclass(frozen=True)
class Kubectl:
    """kubectl that reads one kubeconfig and caches below `home`."""

    kubeconfig: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home), "PATH": os.environ["PATH"]}
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

    def script(self, lines: str, cwd: Path, **variables: str) -> str:
        """The output of a bash script whose kubectl lines go to this cluster; none of them may fail."""
        done = subprocess.run(
            ["bash", "-euc", lines],
            cwd=cwd,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
        return done.stdout


@contextmanager
def serving(home: Path) -> Iterator[Kubectl]:
    """A new server and the kubectl for it, which keeps its files in `home`."""
    with ApiServer.start() as server:
        yield Kubectl(server.kubeconfig(home / "kubeconfig"), home)
