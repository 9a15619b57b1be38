"""How long after an edit `meshsplit local` answers by it, under light load, and what that cost its callers.

Needs Linux and the extra `local`.
"""

import http.client
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.cpu import Clock
from bench.report import parse_quick, say, say_header, say_table

from meshsplit.local.process import MissingExtra, find_envoy
from support.load import BODY, infer_path
from support.local_mesh import EXAMPLES, LocalMesh, local_mesh
from support.processes import children_of

# What the project promises of a folder edit under load.
LIMIT_MS, LIMIT_FAILED = 1000, 0

EDITS, QUICK_EDITS = 50, 10
CONNECTIONS, PAUSE_SECONDS = 2, 0.004
_ANSWER_SECONDS = 10.0
# Edits fall at other moments of the watcher's tick each time: the pause between them grows by this and wraps.
_REST_SECONDS, _REST_STEP, _REST_RANGE = 0.4, 0.037, 0.5

_PATH = infer_path("modelmesh-apps", "ai-model")
_MEMBERS = ("ai-model-one", "ai-model-two")


class Caller:
    """Clients that ask a little all the time: every answer's moment and member, and every failure."""

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url).netloc
        self._stop = threading.Event()
        self._answers: deque[tuple[float, str]] = deque()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CONNECTIONS)]
        self.requests = 0
        self.failures: list[str] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask until the block ends."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def wait_for(self, member: str) -> float:
        """The moment (monotonic) of the first answer by `member` among those nobody has waited past yet."""
        deadline = time.monotonic() + _ANSWER_SECONDS
        while time.monotonic() < deadline:
            while self._answers:
                moment, served = self._answers.popleft()
                if served == member:
                    return moment
            time.sleep(PAUSE_SECONDS)
        raise TimeoutError(f"no answer by {member} within {_ANSWER_SECONDS:g} s; failures: {self.failures}")

    def forget(self) -> None:
        """Wait past every answer so far."""
        self._answers.clear()

    def _work(self) -> None:
        connection = http.client.HTTPConnection(self._netloc, timeout=_ANSWER_SECONDS)
        while not self._stop.wait(PAUSE_SECONDS):
            self.requests += 1
            try:
                connection.request("POST", _PATH, BODY, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            if answer.status == http.HTTPStatus.OK:
                self._answers.append((time.monotonic(), json.loads(content)["model_name"]))
            else:
                self.failures.append(f"{answer.status} {content[:200]!r}")
        connection.close()


def main() -> int:
    """Print the table; 2 when the extra `local` is not installed."""
    edits = QUICK_EDITS if parse_quick(__doc__, f"{QUICK_EDITS} edits instead of {EDITS}") else EDITS
    try:
        find_envoy()
    except MissingExtra as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with tempfile.TemporaryDirectory() as name:
        _make_folder(Path(name) / "canary")
        with local_mesh(Path(name) / "canary", Path(name)) as mesh:
            caller = Caller(mesh.url)
            pids = [mesh.process.pid, *children_of(mesh.process.pid)]
            start = Clock.now(pids)
            with caller.running():
                latencies = _flip(mesh, caller, edits)
            end = Clock.now(pids)
    say_header("meshsplit local: from an edit to the first answer by it", f"{edits} edits, 0/100 and back")
    _say_result(latencies, caller, end.wall - start.wall)
    say(f"Other processes took {end.others_since(start):.0%} of the machine.")
    return 0


def _make_folder(folder: Path) -> None:
    """The canary example with both members in one file, so that one rename is one whole edit, at 100/0."""
    shutil.copytree(EXAMPLES / "modelmesh-canary", folder)
    parts = [folder / f"{member}.yaml" for member in _MEMBERS]
    text = "---\n".join(part.read_text() for part in parts)
    (folder / "models.yaml").write_text(_with_percents(text, ("80", "20"), ("100", "0")))
    for part in parts:
        part.unlink()


def _with_percents(text: str, before: tuple[str, str], after: tuple[str, str]) -> str:
    for old, new in zip(before, after, strict=True):
        text = text.replace(f'canaryTrafficPercent: "{old}"', f'canaryTrafficPercent: "new {new}"')
    return text.replace('"new ', '"')


def _flip(mesh: LocalMesh, caller: Caller, edits: int) -> list[float]:
    """Milliseconds from each rename to the first answer by the member that it gives all traffic."""
    path, beside = mesh.folder / "models.yaml", mesh.folder / "models.yaml.tmp"
    caller.wait_for(_MEMBERS[0])
    latencies = []
    for number in range(edits):
        time.sleep(_REST_SECONDS + number * _REST_STEP % _REST_RANGE)
        beside.write_text(_with_percents(path.read_text(), ("100", "0"), ("0", "100")))
        caller.forget()
        start = time.monotonic()
        beside.rename(path)
        latencies.append((caller.wait_for(_MEMBERS[(number + 1) % 2]) - start) * 1e3)
    return latencies


def _say_result(latencies: list[float], caller: Caller, seconds: float) -> None:
    percentiles = statistics.quantiles(latencies, n=100, method="inclusive")
    header = ("figure", "measured", "limit")
    say_table(
        header,
        [
            ("p50, ms", f"{percentiles[49]:.0f}", f"{LIMIT_MS}"),
            ("p99, ms", f"{percentiles[98]:.0f}", f"{LIMIT_MS}"),
            ("max, ms", f"{max(latencies):.0f}", f"{LIMIT_MS}"),
            ("requests", f"{caller.requests}, {caller.requests / seconds:.0f} a second", ""),
            ("failed requests", f"{len(caller.failures)}", f"{LIMIT_FAILED}"),
        ],
    )
    for failure in caller.failures[:5]:
        say(f"- failed: {failure}")


if __name__ == "__main__":
    sys.exit(main())
