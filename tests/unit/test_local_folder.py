"""A folder that is read while somebody writes into it."""

import threading
from pathlib import Path

import pytest

from meshsplit.local import folder
from support.waiting import eventually

COUNT = 1_000
PAUSE_SECONDS = 0.02
ONE = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: number-{}}}\n"


def test_a_file_that_is_written_again_and_again_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes longer to understand than until it is written again, and is empty half of the time."""
    monkeypatch.setattr(folder, "SETTLE_SECONDS", 3600.0)
    # On a busy machine the writer may come to the second half of its work only after a second.
    monkeypatch.setattr(folder, "UNFINISHED_SECONDS", 3600.0)
    file = tmp_path / "all.yaml"
    whole = "".join(map(ONE.format, range(COUNT)))
    file.write_text(whole)
    stop = threading.Event()
    found: list[int] = []

    def write() -> None:
        while not stop.wait(PAUSE_SECONDS):
            file.write_text("")
            stop.wait(PAUSE_SECONDS)
            file.write_text(whole)

    def read() -> None:
        while not stop.is_set():
            found.append(len(folder.read_folder(tmp_path, "default").documents))

    threads = [threading.Thread(target=work) for work in (write, read)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: len(found) >= 3, "three reads")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(found) == {COUNT}
