"""What the API says no to, by resource type."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshsplit.kube.port import ApiError, Resource

log = logging.getLogger(__name__)

_LEASES = "leases"


class Refusals:
    """Logs what it is told once, until it is another thing; for use by any thread."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def note(self, resource: Resource | None, error: ApiError) -> None:
        """The API said no to a request for this type; None for Leases."""
        what = resource.plural if resource else _LEASES
        if self._last.get(what) != str(error):
            self._last[what] = str(error)
            log.warning("%s: the API said no: %s", what, error, extra={"resource": what, "error": str(error)})

    def last(self, resource: Resource) -> str:
        """What it last said, in brackets; "" when it never did."""
        error = self._last.get(resource.plural)
        return f" ({error})" if error else ""
