"""A real Prometheus for a test, with a second between scrapes, and a page of counters to scrape."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml

from support.waiting import eventually

BINARY = shutil.which("prometheus")
Server = TypeVar("Server", bound=ThreadingHTTPServer)
# Both take a second or two on an idle machine.
START_SECONDS = STOP_SECONDS = 60.0
RELOAD_SECONDS = 60.0
SCRAPE_SECONDS = 1
LISTENING = re.compile(r'"Listening on".* address=(127\.0\.0\.1:\d+)\s')

Job = tuple[str, str, Mapping[str, str]]
"""host:port, path, and labels that the target gets."""


def require_prometheus() -> str:
    """The binary; skips where there is none, and fails in CI, which installs it."""
    if BINARY is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no prometheus")
        pytest.skip("no prometheus on PATH (apt-get install prometheus)")
    return BINARY


@dataclass
class Prometheus:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]
    configuration: Path

    def scrape(self, jobs: Mapping[str, Sequence[Job]]) -> None:
        """Scrape these from now on."""
        self.configuration.write_text(_configuration(jobs))
        with urlopen(f"{self.url}/-/reload", data=b"", timeout=RELOAD_SECONDS):  # noqa: S310 - our own server
            pass

    def stop(self) -> None:
        """End it and wait; again is harmless."""
        self.process.terminate()
        self.process.wait(STOP_SECONDS)


def _configuration(jobs: Mapping[str, Sequence[Job]]) -> str:
    interval = f"{SCRAPE_SECONDS}s"
    configs = [
        {
            "job_name": f"{job}-{index}",
            "metrics_path": path,
            "static_configs": [{"targets": [address], "labels": dict(labels)}],
        }
        for job, targets in jobs.items()
        for index, (address, path, labels) in enumerate(targets)
    ]
    limits = {"scrape_interval": interval, "scrape_timeout": interval}
    return yaml.safe_dump({"global": limits, "scrape_configs": configs})


def is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/-/ready", timeout=5) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def start(folder: Path, jobs: Mapping[str, Sequence[Job]], port: int = 0) -> Prometheus:
    """Start one whose data are in `folder`; the caller stops it. Port 0 is one that it finds free itself."""
    binary = require_prometheus()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "prometheus.yml"
    configuration.write_text(_configuration(jobs))
    log = folder / "log"
    with log.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-lifecycle",
            ],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Prometheus("", process, configuration)

    def is_up() -> bool:
        assert process.poll() is None, f"prometheus has ended\n{log.read_text()}"
        found = LISTENING.search(log.read_bytes()[before:].decode())
        server.url = f"http://{found[1]}" if found else ""
        return found is not None and is_ready(server.url)

    try:
        eventually(is_up, lambda: f"prometheus is ready\n{log.read_text()}", START_SECONDS)
    except BaseException:
        server.stop()
        raise
    return server


@contextmanager
def prometheus(folder: Path, jobs: Mapping[str, Sequence[Job]]) -> Iterator[Prometheus]:
    server = start(folder, jobs)
    try:
        yield server
    finally:
        server.stop()


class Page(ThreadingHTTPServer):
    """Serves `text` as exposition text to whoever asks; status 500 while `down`.

    While it is to `drip`, an answer never ends: a byte now and then, until the server stops.
    """

    request_queue_size = 128
    """Past the usual 5 that wait to be taken a connection is tried again after a second."""

    def __init__(self, text: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.text, self.down, self.drip = text, False, False
        self.stopping = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Page)
        self.send_response(500 if self.server.down else 200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        while self.server.drip and not self.server.stopping.wait(0.02):
            try:
                self.wfile.write(b"#")
            except OSError:
                return
        self.wfile.write(self.server.text.encode())

    def log_message(self, *_: object) -> None: ...


@contextmanager
def page(text: str = "") -> Iterator[Page]:
    with serving(Page(text)) as running:
        yield running
        running.stopping.set()


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve from a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
