"""The JSON lines between a model server and its parent: one command a line down, one answer a line back."""

import os

from pydantic import BaseModel, TypeAdapter

from meshsplit.local.models.spec import Behaviour, ModelMeshServing, Ports, ServingKey, StandardServing

LINE_BYTES = 64 * 1024 * 1024
"""One command names every model: this is some half a million of them."""
_READ_BYTES = 1 << 16


class ServeCommand(BaseModel):
    """Serve exactly these servings; for one server process it is its own or none, which ends it."""

    servings: tuple[ModelMeshServing | StandardServing, ...]


class BehaveCommand(BaseModel):
    """Behave like this from the next request on; every InferenceService that is not named behaves well."""

    behaviours: tuple[Behaviour, ...]


COMMANDS: TypeAdapter[ServeCommand | BehaveCommand] = TypeAdapter(ServeCommand | BehaveCommand)


class Answer(BaseModel):
    """The outcome of one command, sorted by key; the first answer, before any command, says `ready`."""

    ports: tuple[tuple[ServingKey, Ports], ...] = ()
    error: str | None = None


def to_line(message: ServeCommand | BehaveCommand | Answer) -> bytes:
    """One line of JSON with its line feed."""
    return message.model_dump_json().encode() + b"\n"


class Lines:
    """The lines that come in at a file descriptor, which stays its owner's."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unread = b""

    @property
    def waiting(self) -> bool:
        """Whether `read` would return at once."""
        return b"\n" in self._unread

    def receive(self) -> bool:
        """Take what has come in, waiting for it; False at its end."""
        received = os.read(self._descriptor, _READ_BYTES)
        self._unread += received
        return bool(received)

    def read(self) -> bytes:
        """The next line, waiting for it; at the end of the input what is left of it, which may be nothing."""
        while not self.waiting and self.receive():
            pass
        line, _, self._unread = self._unread.partition(b"\n")
        return line
