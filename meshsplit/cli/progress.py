"""How far a long command is: on a terminal only, one line that is rewritten."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from meshsplit.cli.output import Output


@contextmanager
def progress_of(output: Output, total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A function to call with every step done; silent unless stderr is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(
        length=total, label=what, file=sys.stderr, show_pos=True, color=output.stderr.colour
    ) as bar:
        yield lambda _: bar.update(1)
