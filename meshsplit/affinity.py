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


@dataclass(frozen=True, slots=True)
class BucketCookie:
    """The gateway sets a cookie with the bucket that a new client was given.

    `max_age_seconds` 0 makes a session cookie, which the client drops when it closes.
    """

    name: str
    max_age_seconds: int


@dataclass(frozen=True, slots=True)
class BucketAffinity:
    """A client keeps its bucket, and so its member as long as no weight changes: looked for in the `header`,
    whose value has to be uniform hex, then in the `cookie`; a client with neither is new.
    """

    header: str | None = None
    cookie: BucketCookie | None = None
