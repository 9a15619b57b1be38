"""To act as somebody else: whom the API shall take a client for, if its user may ask for that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Impersonation:
    """A user, "" for oneself, and the groups to be in; the API takes groups of a named user only."""

    user: str = ""
    groups: tuple[str, ...] = ()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What goes with every request, one header a group."""
        user = [("Impersonate-User", self.user)] if self.user else []
        return (*user, *(("Impersonate-Group", group) for group in self.groups))


ONESELF = Impersonation()
