"""The load generator wrk: compiled, so that the gateway is what is slow."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

BODY = '{"inputs": [{"name": "predict", "shape": [1, 4], "datatype": "FP32", "data": [6.8, 2.8, 4.8, 1.4]}]}'

# wrk ends by its own clock; this is for one that hangs.
_GRACE_SECONDS = 30.0
_SCRIPT = """
wrk.method = "POST"
wrk.body = [==[{body}]==]
wrk.headers["Host"] = "{host}"
wrk.headers["Content-Type"] = "application/json"
done = function(summary)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format('{{"requests": %d, "microseconds": %d, "failed": %d}}', summary.requests,
    summary.duration, failed))
end
"""


class MissingTool(Exception):  # noqa: N818 - it names what is missing
    """A program that the measurement needs is not installed; the message says how to get it."""


class LoadFailed(Exception):  # noqa: N818 - the word for what happened
    """Requests failed or none was answered: the figures would be of something else."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk did: requests that were answered with success, and its seconds."""

    requests: int
    seconds: float


def find_wrk() -> str:
    """The program; MissingTool when it is not installed."""
    found = shutil.which("wrk")
    if found is None:
        raise MissingTool("the load generator wrk is missing: apt-get install wrk (or your system's package)")
    return found


def get_version() -> str:
    """The version as wrk prints it; it exits with 1 when it does."""
    said = subprocess.run([find_wrk(), "-v"], capture_output=True, text=True, check=False).stdout
    return said.split(" [")[0].removeprefix("wrk ").removeprefix("debian/")


def send(url: str, host: str, seconds: float, connections: int, folder: Path) -> Load:
    """POST to `url` under the name `host` as fast as it answers, each connection one request at a time."""
    script = folder / "load.lua"
    script.write_text(_SCRIPT.format(body=BODY, host=host))
    duration = max(1, round(seconds))  # wrk takes whole seconds
    command = [find_wrk(), "-t1", f"-c{connections}", f"-d{duration}s", "-s", str(script), url]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=duration + _GRACE_SECONDS, check=True
    )
    summary = json.loads(done.stdout[done.stdout.rindex("{") :])
    if summary["failed"] or not summary["requests"]:
        raise LoadFailed(f"{url} as {host}: {summary}")
    return Load(summary["requests"], summary["microseconds"] / 1e6)
