"""An embedded API server in a process of its own, until its standard input ends."""

import sys
from pathlib import Path

from meshsplit.local.apiserver import ApiServer
from meshsplit.local.apiserver.builtin import CRDS
from meshsplit.local.apiserver.faults import Fault, Faults
from meshsplit.local.apiserver.operation import Operation
from meshsplit.local.crds import make_crds


def serve(kubeconfig: Path, write_seconds: float) -> None:
    """Serve with all kinds, each write that much later, and say so by a line."""
    slow = [Fault(method=method, times=0, delay=write_seconds) for method in ("PATCH", "POST")]
    with ApiServer.start(faults=Faults(*slow) if write_seconds else None) as server:
        for crd in make_crds():
            server.send(Operation("create", CRDS, body=crd))
        server.kubeconfig(kubeconfig)
        print("ready", flush=True)  # noqa: T201 - the parent waits for it
        sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), float(sys.argv[2]))
