"""The loop of one server process: read a command, make it so, answer."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

import uvloop

from meshsplit.local.models.control import COMMANDS, LINE_BYTES, Answer, BehaveCommand, to_line
from meshsplit.local.models.server import Server

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from meshsplit.local.models.spec import Behaviour, Serving

_log = logging.getLogger(__name__)


def run(serving: Serving, behaviours: Sequence[Behaviour], channel: socket.socket) -> None:
    """Serve until told to serve nothing, or until the channel closes or SIGTERM comes; then drain.

    The first answer has the ports, or the error that kept them from being opened.
    """
    uvloop.run(_serve(serving, behaviours, channel))


async def _serve(serving: Serving, behaviours: Sequence[Behaviour], channel: socket.socket) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=channel, limit=LINE_BYTES)
    try:
        server = await Server.open(serving)
    except OSError as refused:
        writer.write(to_line(Answer(error=f"the model server cannot listen: {refused}")))
        await writer.drain()
        return
    server.behave(behaviours)
    commands = asyncio.create_task(_execute_commands(server, reader, writer))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, commands.cancel)
    writer.write(to_line(Answer(ports=((serving.key, server.ports),))))
    try:
        await commands
    except asyncio.CancelledError:
        _log.info("terminated")
    except ConnectionError:
        _log.warning("the parent went away")
    await server.drain()


async def _execute_commands(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    # A last line without its end is a parent that died while it wrote.
    while (line := await reader.readline()).endswith(b"\n"):
        command = COMMANDS.validate_json(line)
        if isinstance(command, BehaveCommand):
            server.behave(command.behaviours)
        elif command.servings:
            server.update(command.servings[0])
        else:
            await server.close()
        writer.write(to_line(Answer()))
        await writer.drain()
        if not isinstance(command, BehaveCommand) and not command.servings:
            return
