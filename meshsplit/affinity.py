"""The vocabulary of sticky sessions: by what a client is known again, and at which level."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CookieHash:
    """The gateway hashes a cookie, which it sets itself on an answer to a request that has none.

    `ttl_seconds` 0 makes a session cookie, which the client drops when it closes.
    """

    name: str
    ttl_seconds: int = 0
    path: str = "/"


@dataclass(frozen=True, slots=True)
class HeaderHash:
    """The gateway hashes a header of the request; requests without it go to any replica."""

    name: str


@dataclass(frozen=True, slots=True)
class SourceIpHash:
    """The gateway hashes the address of the connection."""


ReplicaAffinity = CookieHash | HeaderHash | SourceIpHash
"""What keeps a client on one replica of a destination; it decides nothing between destinations."""
