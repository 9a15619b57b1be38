"""MSP4xx: sticky sessions."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

AFFINITY = (
    Rule(
        "MSP401",
        Severity.ERROR,
        "the affinity header is not uniform hex",
        why="A VirtualService can only compare text. The share of clients that a range of first digits "
        "catches is exact when the digits are uniform, as in a random UUID, and arbitrary for user "
        "names or counters.",
        does="Nothing yet: sessionAffinity is accepted and kept, and has no effect on the routes (MSP008).",
        fix="Let clients send a random UUID (version 4) in the header.",
        example=dedent("""\
            spec:
              sessionAffinity:
                header: x-user-uuid      # for example 5f0c9a4e-3b1d-4c7e-9f57-1d1c1a0e6a52
            """),
        raised=False,
    ),
    Rule(
        "MSP402",
        Severity.ERROR,
        "sourceIp affinity across members",
        why="Istio's consistentHash keeps a client on one replica inside a destination. It has no effect on "
        "the choice between weighted destinations: 386 of 400 clients saw both versions (measured).",
        does="Nothing yet: sessionAffinity is accepted and kept, and has no effect on the routes (MSP008).",
        fix="Use a cookie, or a header with a UUID that the client sends.",
        raised=False,
    ),
    Rule(
        "MSP403",
        Severity.NOTE,
        "cookie affinity for a gRPC route",
        why="Most gRPC clients keep no cookies, so every call of such a client is assigned anew and may see "
        "another member.",
        does="Accepts the cookie for HTTP clients.",
        fix="Add sessionAffinity.header with a UUID that gRPC clients send, or leave gRPC out of "
        "spec.routing.protocols.",
        example=dedent("""\
            spec:
              sessionAffinity:
                cookie: {name: meshsplit-mnist, maxAge: 1h}
                header: x-user-uuid
            """),
    ),
)
