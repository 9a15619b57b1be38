"""The template process: commands come on stdin, answers go to stdout, the log to stderr."""

from __future__ import annotations

import os
import sys

from meshsplit.local.models.control import Answer, to_line


def main() -> int:
    """Serve until stdin closes; exit code 1 when the extra `local` is missing.

    The argument is the descriptor that gets a byte whenever a server process has ended by itself.
    """
    # Answers get a descriptor of their own: whatever a library prints must not end up between them.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    try:
        from meshsplit.local.models.parent import serve_commands
    except ModuleNotFoundError as missing:
        advice = f"the model server needs the extra 'local': pip install 'meshsplit[local]' ({missing})"
        answers.write(to_line(Answer(error=advice)))
        return 1
    serve_commands(sys.stdin.fileno(), answers, int(sys.argv[1]))
    return 0


sys.exit(main())
