"""The embedded cluster: a small Kubernetes API server for tests, `demo` and `local`. Not for production.

It answers as a recorded real server does, runs in one thread of this process, and runs nothing itself: a
stored Service or Deployment is data.
"""

from meshsplit.local.apiserver.faults import Fault, Faults
from meshsplit.local.apiserver.server import ApiServer

__all__ = ["ApiServer", "Fault", "Faults"]
