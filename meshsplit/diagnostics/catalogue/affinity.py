"""MSP4xx: sticky sessions."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

AFFINITY = (
    Rule(
        "MSP401",
        Severity.ERROR,
        "the affinity header is not uniform hex",
        why="A VirtualService can only compare text: a client's member is read off the first three hex "
        "digits of the header's value. The share of clients that a range of them catches is exact when the "
        "digits are uniform, as in a random UUID, and arbitrary for user names, counters or times.",
        does="Refuses a header whose values are known to be something else by the standard or program that "
        "defines it, such as authorization or user-agent, or to be new with every request, such as "
        "x-request-id: the group that the ModelSplit names does not change. What your clients send in a "
        "header of their own cannot be seen in a manifest. A value that does not begin with hex digits is "
        "read as no value.",
        fix="Let clients send a random UUID (version 4; the first digits of version 7 are the time) in a "
        "header of their own. For ids of another form there is a file to apply yourself, "
        "config/contrib/sticky-header.yaml.",
        example=dedent("""\
            spec:
              sessionAffinity:
                header: x-user-uuid      # for example 5f0c9a4e-3b1d-4c7e-9f57-1d1c1a0e6a52
            """),
    ),
    Rule(
        "MSP402",
        Severity.ERROR,
        "sourceIp affinity across members",
        why="Istio's consistentHash keeps a client on one replica inside a destination. It has no effect on "
        "the choice between weighted destinations: 386 of 400 clients saw both versions (measured).",
        does="Refuses it: the group that the ModelSplit names does not change.",
        fix="Use a cookie, or a header with a UUID that the client sends. Inside one destination a "
        "DestinationRule of your own may hash the address.",
        example=dedent("""\
            spec:
              sessionAffinity:
                cookie: {}               # not sourceIp: true
            """),
    ),
    Rule(
        "MSP403",
        Severity.NOTE,
        "cookie affinity for a gRPC route",
        why="Most gRPC clients keep no cookies, so every call of such a client is assigned anew and may see "
        "another member.",
        does="Sets the cookie all the same, and keeps a gRPC client that returns it on its member.",
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
