"""MSP8xx: DistributedInferenceServices."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

DISTRIBUTED = (
    Rule(
        "MSP801",
        Severity.WARNING,
        "no room for the next version beside the one that serves",
        why="All traffic goes to a new version in one write, so that all of its replicas but maxUnavailable "
        "have to be ready before it. With less surge they never are: the version that serves keeps serving, "
        "and the new one waits for ever.",
        does="Creates nothing of a new version, keeps the one that serves, and says so in the condition "
        "Progressing, reason NoRoom.",
        fix="Set maxSurge to as many replicas as have to be ready, or leave it out: a whole version fits "
        "then. Where there is no room for two versions, type: Recreate removes the old one first, and "
        "requests fail meanwhile.",
        example=dedent("""\
            spec:
              replicas: 4
              deploymentStrategy:
                rollingUpdate:
                  maxUnavailable: 1
                  maxSurge: 3            # 3 of 4 have to be ready; with 1 the next version never serves
            """),
    ),
    Rule(
        "MSP802",
        Severity.ERROR,
        "the name of a DistributedInferenceService is too long",
        why="KServe makes a Service <name>-v<version>-<replica>-predictor of every replica, and the host at "
        "the gateway begins with <name>-<namespace>. Each is a DNS label, of 63 characters at most.",
        does="Makes nothing of it, and says so in the condition Ready, reason Invalid. A host that is too "
        "long is refused by Istio, reason Rejected.",
        fix="Choose a shorter name: 48 characters are the most for the first nine versions of ten replicas.",
    ),
    Rule(
        "MSP803",
        Severity.NOTE,
        "a cookie for a server that speaks gRPC",
        why="Most gRPC clients keep no cookies, so that every call may meet another replica. With two "
        "replicas or more a cookie is what keeps a client on one unless sessionAffinity says otherwise.",
        does="Writes the DestinationRule all the same: a client that returns the cookie keeps its replica.",
        fix="Name a header that your clients send with a value of their own, or say that any replica will "
        "do.",
        example=dedent("""\
            spec:
              sessionAffinity:
                header: x-client-id      # or none: true
            """),
    ),
    Rule(
        "MSP804",
        Severity.WARNING,
        "the name of a DistributedInferenceService leaves no digits for later versions",
        why="The number of a version is part of the names of its replicas and of their Services, which have "
        "63 characters at most. It is never used again, so that every change of the template takes one.",
        does="Makes versions as long as their names fit. The next one is not made then, the one that serves "
        "keeps serving, and the condition Ready says so, reason Invalid.",
        fix="Choose a name that is shorter by a few characters.",
    ),
    Rule(
        "MSP805",
        Severity.ERROR,
        "two DistributedInferenceServices want the same host",
        why="The host at the gateway is <name>-<namespace>.<domain>, and a-b in namespace c makes the "
        "same one as a in namespace b-c. Istio merges what two VirtualServices say of a host: one model "
        "would answer for both.",
        does="Leaves the host to the older one. The younger changes nothing, says so in the condition Ready, "
        "reason Invalid, and is looked at again within 30 s.",
        fix="Choose another name for the younger one, or another domain.",
        example=dedent("""\
            spec:
              domain: models.example.com
            """),
    ),
)
