"""kubectl on the local cluster, where there is one."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from meshsplit.cli.localmesh import CannotServe, LocalMesh
from meshsplit.cli.output import Output

_SECONDS = 60.0


def has_kubectl() -> bool:
    """Whether there is a kubectl on the PATH."""
    return shutil.which("kubectl") is not None


def say_without_kubectl(output: Output) -> None:
    """Say what happens to lines of kubectl where there is none."""
    if not has_kubectl():
        output.answer("There is no kubectl on the PATH: what it would do is done over the API.")


def run_kubectl(mesh: LocalMesh, words: Sequence[str]) -> str:
    """What `kubectl` prints with these words; CannotServe when it fails or is not there."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise CannotServe("there is no kubectl on the PATH")
    done = subprocess.run(  # noqa: S603 - our own words, no shell
        [kubectl, *words],
        env={**os.environ, "KUBECONFIG": str(mesh.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise CannotServe(f"kubectl {' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout
