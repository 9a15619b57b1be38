"""The loop of the template process: read a command, have the server processes do it, answer."""

from __future__ import annotations

import gc
import logging
import selectors
from typing import TYPE_CHECKING

from pydantic import ValidationError

from meshsplit.local.models.control import COMMANDS, Answer, Lines, ServeCommand, to_line
from meshsplit.local.models.template import ServerError, Template

if TYPE_CHECKING:
    from io import RawIOBase

_log = logging.getLogger(__name__)


def serve_commands(commands: int, answers: RawIOBase, notices: int) -> None:
    """Execute what comes in at the descriptor `commands` until it closes, then end every server process.

    `notices` gets a byte whenever one of them has ended by itself.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(message)s")
    gc.freeze()  # what the copies never touch they share
    template = Template((commands, answers.fileno()), notices)
    lines = Lines(commands)
    try:
        answers.write(to_line(Answer()))
        while _wait(commands, template, lines):
            answers.write(to_line(_execute(template, lines.read())))
    except BrokenPipeError:
        _log.warning("the parent went away")
    template.stop()


def _wait(commands: int, template: Template, lines: Lines) -> bool:
    """Whether there is another command; meanwhile the processes that end are buried."""
    while not lines.waiting:
        with selectors.DefaultSelector() as selector:
            selector.register(commands, selectors.EVENT_READ)
            for channel in template.channels:
                selector.register(channel, selectors.EVENT_READ)
            ready = {selected.fd for selected, _ in selector.select()}
        template.reap()
        # A last line without its end is a parent that died while it wrote.
        if commands in ready and not lines.receive():
            return False
    return True


def _execute(template: Template, line: bytes) -> Answer:
    try:
        command = COMMANDS.validate_json(line)
        if not isinstance(command, ServeCommand):
            template.behave(command.behaviours)
            return Answer()
        ports = template.serve(command.servings)
    except ValidationError as malformed:
        return Answer(error=f"not a command: {malformed}")
    except ServerError as refused:
        return Answer(error=str(refused))
    except OSError as refused:
        return Answer(error=f"the model server cannot start a process: {refused}")
    return Answer(ports=tuple(sorted(ports.items(), key=lambda entry: (entry[0][0], entry[0][1] or ""))))
