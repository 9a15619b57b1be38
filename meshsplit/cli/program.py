"""The name the program was called by: `meshsplit`, or `kubectl meshsplit` as a plugin."""

from pathlib import PurePath

import click

PLUGIN = "kubectl-meshsplit"


def called_as(argv0: str) -> str:
    """What to type to run the program again, from argv[0]."""
    name = PurePath(argv0).name
    if name.startswith(PLUGIN):
        return "kubectl meshsplit"
    return "python -m meshsplit" if name == "__main__.py" else "meshsplit"


def program_of(context: click.Context) -> str:
    """The name in the help of the running command."""
    return context.find_root().info_name or "meshsplit"
