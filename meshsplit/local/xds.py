"""Envoy's configuration as files it watches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_FILE = "resources.json"


@dataclass(frozen=True, slots=True)
class Source:
    """Resources that Envoy subscribes to together: their folder, and their type."""

    folder: str
    kind: str


LISTENERS = Source("lds", "envoy.config.listener.v3.Listener")
ROUTES = Source("rds", "envoy.config.route.v3.RouteConfiguration")
SIDECAR_ROUTES = Source("rds-sidecar", "envoy.config.route.v3.RouteConfiguration")
CLUSTERS = Source("cds", "envoy.config.cluster.v3.Cluster")


class XdsFiles:
    """One folder per source of resources, its file renamed into place: Envoy reacts to the rename only.

    There is no folder of endpoints. Each subscription to a file takes one of the user's inotify instances
    (128 by Linux's default) and Envoy aborts when none is left, so a subscription per cluster is out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[Source, tuple[str, str]] = {}
        self._version = 0

    def make_source(self, source: Source) -> dict[str, Any]:
        """The ConfigSource that makes Envoy read these resources."""
        path = self._to_path(source)
        return {
            "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
            "resource_api_version": "V3",
            "initial_fetch_timeout": "0s",
        }

    def next_version(self) -> str:
        """A version that was never used before in this folder."""
        self._version += 1
        return str(self._version)

    def write(self, source: Source, resources: Sequence[Mapping[str, Any]]) -> str:
        """The version under which the resources are in place; what is there already is left alone."""
        content = json.dumps([{"@type": f"type.googleapis.com/{source.kind}", **it} for it in resources])
        written, version = self._written.get(source, ("", ""))
        if written == content:
            return version
        version = self.next_version()
        path = self._to_path(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(f'{{"version_info": "{version}", "resources": {content}}}', encoding="utf-8")
        beside.rename(path)
        self._written[source] = (content, version)
        return version

    def forget(self) -> None:
        """Write everything anew the next time: Envoy refused something that is in place."""
        self._written.clear()

    def _to_path(self, source: Source) -> Path:
        return self._folder / source.folder / _FILE
