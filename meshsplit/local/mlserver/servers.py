"""The MLServers of a session: one process for each InferenceService, all with the same model of irises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from meshsplit.local.mlserver.installed import find_mlserver, train_iris
from meshsplit.local.mlserver.server import MLServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from meshsplit.local.models.spec import Ports, ServingKey, StandardServing


class MLServers:
    """Serves what it is told to; one caller at a time."""

    def __init__(self, mlserver: Path, model: Path, directory: Path, say: Callable[[str], None]) -> None:
        self._mlserver = mlserver
        self._model = model
        self._directory = directory
        self._say = say
        self._changed: Callable[[], None] | None = None
        self._started = 0
        self._processes: dict[StandardServing, MLServerProcess] = {}
        self._leaving: list[MLServerProcess] = []

    @classmethod
    def start(cls, directory: Path, say: Callable[[str], None]) -> Self:
        """Find MLServer and train the model; files are in `directory`. ModelServerError when that fails."""
        mlserver = find_mlserver()
        directory.mkdir(parents=True, exist_ok=True)
        model = directory.resolve() / "iris.joblib"
        train_iris(mlserver, model)
        return cls(mlserver, model, directory.resolve(), say)

    def notify(self, changed: Callable[[], None]) -> None:
        """From now on call `changed`, in a thread of its own, when one begins or ceases to answer."""
        self._changed = changed

    def serve(self, servings: Sequence[StandardServing]) -> Mapping[ServingKey, Ports]:
        """Serve exactly `servings`; the ports of those that answer already, by `serving.key`.

        It takes seconds until one answers. One whose served name changes is another process.
        """
        for gone in self._processes.keys() - set(servings):
            self._dismiss(self._processes.pop(gone))
        for serving in servings:
            if serving not in self._processes:
                self._processes[serving] = self._launch(serving)
        found = {serving.key: process.ports for serving, process in self._processes.items()}
        return {key: ports for key, ports in found.items() if ports is not None}

    def stop(self) -> None:
        """End all processes and wait for them."""
        self.serve(())
        for process in self._leaving:
            process.wait()

    def _launch(self, serving: StandardServing) -> MLServerProcess:
        self._started += 1
        # MLServer takes a folder for a model's repository, so each has its own.
        folder = self._directory / f"{self._started}-{serving.isvc}"
        process = MLServerProcess(self._mlserver, serving, self._model, folder, self._tell, self._say)
        process.start()
        return process

    def _dismiss(self, process: MLServerProcess) -> None:
        self._leaving.append(process)
        process.stop()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed()
