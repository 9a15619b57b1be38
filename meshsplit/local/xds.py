"""Envoy's configuration as files it watches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LISTENERS = "envoy.config.listener.v3.Listener"
ROUTES = "envoy.config.route.v3.RouteConfiguration"
CLUSTERS = "envoy.config.cluster.v3.Cluster"

_FOLDERS = {LISTENERS: "lds", ROUTES: "rds", CLUSTERS: "cds"}
_FILE = "resources.json"


class XdsFiles:
    """One folder per kind of resource, its file renamed into place: Envoy reacts to the rename only.

    There is no folder of endpoints. Each subscription to a file takes one of the user's inotify instances
    (128 by Linux's default) and Envoy aborts when none is left, so a subscription per cluster is out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, tuple[str, str]] = {}
        self._version = 0

    def make_source(self, kind: str) -> dict[str, Any]:
        """The ConfigSource that makes Envoy read the resources of this kind."""
        path = self._to_path(kind)
        return {
            "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
            "resource_api_version": "V3",
            "initial_fetch_timeout": "0s",
        }

    def next_version(self) -> str:
        """A version that was never used before in this folder."""
        self._version += 1
        return str(self._version)

    def write(self, kind: str, resources: Sequence[Mapping[str, Any]]) -> str:
        """The version under which the resources are in place; what is there already is left alone."""
        content = json.dumps([{"@type": f"type.googleapis.com/{kind}", **it} for it in resources])
        written, version = self._written.get(kind, ("", ""))
        if written == content:
            return version
        version = self.next_version()
        path = self._to_path(kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(f'{{"version_info": "{version}", "resources": {content}}}', encoding="utf-8")
        beside.rename(path)
        self._written[kind] = (content, version)
        return version

    def forget(self) -> None:
        """Write everything anew the next time: Envoy refused something that is in place."""
        self._written.clear()

    def _to_path(self, kind: str) -> Path:
        return self._folder / _FOLDERS[kind] / _FILE
