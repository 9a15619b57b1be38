"""Shell completion: scripts for three shells, and the answers kubectl asks a plugin for."""

import sys

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.output import Output, output_options

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
# What click derives from the program's name, and looks for at start.
_VARIABLE = "_MESHSPLIT_COMPLETE"
_HOW_TO_LOAD = {
    "bash": "source <(meshsplit completion bash)    # or put this line into ~/.bashrc",
    "zsh": "source <(meshsplit completion zsh)    # or put this line into ~/.zshrc, after compinit",
    "fish": "meshsplit completion fish > ~/.config/fish/completions/meshsplit.fish",
}
# Cobra's ShellCompDirective, the last line of what a kubectl plugin's completion prints.
_DEFAULT = ":0"
_NO_FILES = ":4"


COMPLETION_SECONDS = 2.0
"""Completion answers from the cluster within this time, or not at all."""


def complete_splits(context: click.Context, _argument: click.Parameter, typed: str) -> list[CompletionItem]:
    """Names of ModelSplits of the namespace that the line names; none when the cluster does not answer."""
    from meshsplit.cli.connection import Connection
    from meshsplit.cli.kinds import MODEL_SPLITS

    given = context.params
    try:
        connection = Connection(
            given.get("kubeconfig"),
            given.get("kube_context"),
            given.get("impersonate") or "",
            COMPLETION_SECONDS,
            tuple(given.get("groups") or ()),
        )
        cluster = connection.open(given.get("namespace"))
        names = [split["metadata"]["name"] for split in cluster.list(MODEL_SPLITS, cluster.namespace)]
    except (click.ClickException, ImportError):
        return []
    return [CompletionItem(name) for name in names if name.startswith(typed)]


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@output_options(["text", "json", "yaml"])
@click.pass_context
def completion_command(context: click.Context, shell: str, output: Output) -> None:
    """Print a completion script for SHELL.

    kubectl completes `kubectl meshsplit` by itself through kubectl_complete-meshsplit.
    """
    completer = _SHELLS[shell](context.find_root().command, {}, "meshsplit", _VARIABLE)
    script = ShellComplete.source(completer).strip()  # without the check of the bash that happens to be here
    if output.format != "text":
        output.report("CompletionReport", {"shell": shell, "script": script})
    else:
        output.answer(f"# Next: {_HOW_TO_LOAD[shell]}\n{script}")
    context.exit(ExitCode.YES)


def complete(command: click.Command, words: list[str]) -> str:
    """What `kubectl_complete-meshsplit WORDS…` prints: one choice a line, then Cobra's directive.

    The last word is the one being typed, "" when it has not begun.
    """
    before, incomplete = (words[:-1], words[-1]) if words else ([], "")
    items = ShellComplete(command, {}, "meshsplit", _VARIABLE).get_completions(before, incomplete)
    choices = [_line(item) for item in items if item.type == "plain"]
    directive = _NO_FILES if len(choices) == len(items) else _DEFAULT
    return "\n".join([*choices, directive])


def _line(item: CompletionItem) -> str:
    return f"{item.value}\t{item.help}" if item.help else str(item.value)


def complete_main() -> int:
    """Entry point of `kubectl_complete-meshsplit`."""
    from meshsplit.cli.main import cli  # the group imports this module's command

    sys.stdout.write(complete(cli, sys.argv[1:]) + "\n")
    return ExitCode.YES
