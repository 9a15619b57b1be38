"""Which ModelSplit a verb acts on, and how it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from meshsplit.cli.completion import complete_splits
from meshsplit.cli.connection import Connection, connection_options, live_namespace_option
from meshsplit.cli.consent import consent_options
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of

FORMATS = ("text", "json", "yaml")

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Place:
    """The ModelSplit `name`, `namespace` None being the context's own; `program` is what we were called."""

    name: str
    namespace: str | None
    connection: Connection
    output: Output
    program: str


def acting(command: Command) -> Command:
    """Add NAME and the options that all verbs have that change something: `place` and `consent`."""

    @click.argument("name", shell_complete=complete_splits)
    @live_namespace_option
    @consent_options
    @connection_options
    @output_options(FORMATS)
    @click.pass_context
    @wraps(command)
    def with_place(
        context: click.Context,
        /,
        name: str,
        namespace: str | None,
        connection: Connection,
        output: Output,
        **rest: Any,
    ) -> Any:
        place = Place(name, namespace, connection, output, program_of(context))
        return command(context, place=place, **rest)

    return with_place  # type: ignore[return-value]  # click's decorators erase the signature
