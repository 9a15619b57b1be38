"""The JSON lines between a model server and its parent: one command a line down, one answer a line back."""

from pydantic import BaseModel, TypeAdapter

from meshsplit.local.models.spec import Behaviour, ModelMeshServing, Ports, ServingKey, StandardServing


class ServeCommand(BaseModel):
    """Serve exactly these servings."""

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
