"""The loop of the child process: read a command, make it so, answer."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

import uvloop
from pydantic import ValidationError

from meshsplit.local.models.control import COMMANDS, Answer, ServeCommand, to_line
from meshsplit.local.models.fleet import Fleet

if TYPE_CHECKING:
    from io import RawIOBase

# One command names every model: 64 MiB is some half a million of them.
_COMMAND_BYTES = 64 * 1024 * 1024


def run(answers: RawIOBase) -> None:
    """Execute the commands of stdin until it closes, then finish the requests in flight."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    uvloop.run(_execute_commands(answers))


async def _execute_commands(answers: RawIOBase) -> None:
    fleet = Fleet()
    commands = asyncio.StreamReader(limit=_COMMAND_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    try:
        answers.write(to_line(Answer()))
        # A last line without its end is a parent that died while it wrote.
        while (line := await commands.readline()).endswith(b"\n"):
            answers.write(to_line(await _execute(fleet, line)))
    except BrokenPipeError:
        logging.getLogger(__name__).warning("the parent went away")
    await fleet.stop()


async def _execute(fleet: Fleet, line: bytes) -> Answer:
    try:
        command = COMMANDS.validate_json(line)
        if not isinstance(command, ServeCommand):
            fleet.behave(command.behaviours)
            return Answer()
        ports = await fleet.serve(command.servings)
    except ValidationError as malformed:
        return Answer(error=f"not a command: {malformed}")
    except OSError as refused:
        return Answer(error=f"the model server cannot listen: {refused}")
    return Answer(ports=tuple(sorted(ports.items(), key=lambda entry: (entry[0][0], entry[0][1] or ""))))
