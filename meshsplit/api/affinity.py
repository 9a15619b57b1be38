"""What a ModelSplit cannot ask of sessionAffinity: an address, and headers that hold no bucket."""

SOURCE_IP = ("spec", "sessionAffinity", "sourceIp")
"""Istio has it for the replicas of one destination, so people write it; a ModelSplit has no such field."""
NO_SOURCE_IP = (
    "sessionAffinity.sourceIp: an address picks a replica of one destination, not a member of a group"
)

UNUSABLE_HEADERS = (
    *("accept", "accept-encoding", "accept-language", "authorization", "b3", "baggage", "content-type"),
    *("cookie", "forwarded", "host", "mm-model-id", "mm-vmodel-id", "origin", "referer", "traceparent"),
    *("user-agent", "via", "x-b3-traceid", "x-forwarded-for", "x-real-ip", "x-request-id", "x-vmodel"),
)
"""Headers whose values, by the standard or program that defines them, are not uniform hex or new with every
request. What clients send in any other, nobody knows before they send it."""


def is_unusable(header: str) -> bool:
    """Whether no client can be known by this header."""
    return header.lower() in UNUSABLE_HEADERS
