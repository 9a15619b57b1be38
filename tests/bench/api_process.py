"""An embedded API server in a process of its own, until its standard input ends."""

import sys
from pathlib import Path

from meshsplit.local.apiserver import ApiServer
from meshsplit.local.apiserver.builtin import CRDS
from meshsplit.local.apiserver.operation import Operation
from meshsplit.local.crds import make_crds


def serve(kubeconfig: Path) -> None:
    """Serve with all kinds, and say so by a line."""
    with ApiServer.start() as server:
        for crd in make_crds():
            server.send(Operation("create", CRDS, body=crd))
        server.kubeconfig(kubeconfig)
        print("ready", flush=True)  # noqa: T201 - the parent waits for it
        sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
