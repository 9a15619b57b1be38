"""The settings file of a running controller, read again when it changes."""

import logging
import threading
from pathlib import Path

import click

from meshsplit.cli.inputs import load_settings
from meshsplit.model import Settings

log = logging.getLogger(__name__)


class LiveSettings:
    """Settings as they are now; a file that cannot be read changes nothing. For use by any thread.

    Raises what `load_settings` raises when the file is wrong from the start.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._settings = load_settings(path)

    def read(self) -> Settings:
        """The settings of now."""
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._stamp = stamp
                self._reload()
            return self._settings

    def _reload(self) -> None:
        try:
            self._settings = load_settings(self._path)
        except click.ClickException as error:
            log.warning("the settings stay as they were", extra={"error": error.format_message()})
        else:
            log.info("the settings were read again", extra={"file": str(self._path)})

    def _look(self) -> tuple[int, int, int] | None:
        """What changes with the file, also where a mounted ConfigMap swaps it by a link."""
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
