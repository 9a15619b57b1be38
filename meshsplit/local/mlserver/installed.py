"""Where MLServer is installed, and the model it serves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from meshsplit.local.models.process import ModelServerError

ENVIRONMENT = Path(".venv-mlserver")
"""The environment that is looked for in the working folder; `scripts/setup mlserver` makes one."""

# Importing scikit-learn takes 2 s on an idle machine, many times that on a busy one.
_TRAINING_SECONDS = 120.0
_SCRIPT = Path(__file__).with_name("iris.py")


def find_mlserver() -> Path:
    """The executable `mlserver` of ./.venv-mlserver, else of PATH; ModelServerError where there is none."""
    here = ENVIRONMENT / "bin" / "mlserver"
    found = here if here.exists() else shutil.which("mlserver")
    if found is None:
        raise ModelServerError(
            "MLServer is not installed. It needs an environment of its own: python3 -m venv .venv-mlserver "
            "&& .venv-mlserver/bin/pip install mlserver mlserver-sklearn"
        )
    return Path(found).absolute()


def train_iris(mlserver: Path, model: Path) -> None:
    """Write a classifier of irises to `model`, made by the scikit-learn beside `mlserver`.

    ModelServerError when that fails.
    """
    python = mlserver.with_name("python")
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            [python, _SCRIPT, model], capture_output=True, text=True, check=False, timeout=_TRAINING_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelServerError(f"cannot train a model with {python}: {error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ModelServerError(f"cannot train a model with {python}: {last}")
