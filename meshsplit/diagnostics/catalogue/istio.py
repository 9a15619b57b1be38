"""MSP3xx: gateways, hosts, and the Istio objects that are written or found."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

ISTIO = (
    Rule(
        "MSP301",
        Severity.ERROR,
        "a VirtualService of our name exists and was not created by meshsplit",
        why="Somebody wrote that object for a reason. Overwriting it would drop their routes.",
        does="Leaves the object alone and writes nothing under that name, unless it carries the annotation "
        'meshsplit.dev/adopt: "true".',
        fix="Delete the object, rename the group, or hand it over: annotate it with meshsplit.dev/adopt: "
        '"true" after checking with `meshsplit diff` what would change.',
        example=dedent("""\
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata:
              name: mnist-splitting
              annotations:
                meshsplit.dev/adopt: "true"
            """),
    ),
    Rule(
        "MSP302",
        Severity.WARNING,
        "another VirtualService claims the same host on the same gateway",
        why="Istio joins the routes of all VirtualServices of a host by age, then by name, and takes the "
        "first match. An older one that also matches a group's path takes its traffic without a warning "
        "(Kiali reports the same as KIA1106).",
        does="Writes the group's routes all the same. Requests that the other object matches first do not "
        "reach them.",
        fix="Give the group a host of its own (spec.routing.hosts), narrow the other object's matches, or "
        "keep your VirtualService and delegate to the group's (spec.routing.mode: Delegate).",
    ),
    Rule(
        "MSP303",
        Severity.ERROR,
        "a gateway is not found or does not serve the host",
        why="Routes that are bound to a missing gateway, or to a host that the gateway does not list, are "
        "accepted by Istio and never used (istioctl reports it as IST0132).",
        does="Checks against the Gateway objects in the input, and says nothing when there are none. The "
        "routes are written all the same.",
        fix="Correct the gateway's name in the Namespace or in spec.routing.gateways, or add the host to "
        "the Gateway's servers.",
        example=dedent("""\
            apiVersion: networking.istio.io/v1
            kind: Gateway
            metadata: {name: odh-gateway, namespace: istio-system}
            spec:
              selector: {istio: ingressgateway}
              servers:
              - hosts: ["*"]
                port: {name: http, number: 80, protocol: HTTP}
            """),
    ),
    Rule(
        "MSP304",
        Severity.WARNING,
        "a delegate's match is not a subset of the root's match",
        why="Istio merges a delegate into its root by intersecting their matches, and drops a route whose "
        "match is not contained in the root's. The dropped route is not reported anywhere.",
        does="Writes the delegate with the group's full paths.",
        fix="Widen the match at the root's delegate entry, or remove it: match the prefix that all paths of "
        "the group share, without a final slash, and for gRPC the header mm-vmodel-id.",
        example=dedent("""\
            http:
            - match:
              - uri: {prefix: /modelmesh/models/v2/models/mnist}
              - headers: {mm-vmodel-id: {exact: mnist}}
              delegate: {name: mnist-splitting, namespace: models}
            """),
    ),
    Rule(
        "MSP305",
        Severity.WARNING,
        "the namespace's mesh switch is off",
        why="Groups and ModelMesh models are exposed only in namespaces that ask for it. Without the switch "
        "the percentages have no effect.",
        does="Writes no routes for the namespace, and withdraws those that exist. A Namespace object that is "
        "not in the input counts as off.",
        fix='Set opendatahub.io/service-mesh: "true" on the Namespace, as a label or as an annotation, or '
        "give the group a ModelSplit that names its hosts and gateways. On are 1, t, T, true, TRUE and "
        "True; anything else is off.",
        example=dedent("""\
            apiVersion: v1
            kind: Namespace
            metadata:
              name: modelmesh-apps
              labels:
                opendatahub.io/service-mesh: "true"
              annotations:
                maistra.io/gateway-namespace: istio-system
                maistra.io/gateway-name: odh-gateway
            """),
    ),
    Rule(
        "MSP306",
        Severity.ERROR,
        "the namespace names no gateway",
        why="A VirtualService with host '*' and no gateway is refused by Istio, and one without a gateway "
        "at all would only be seen by sidecars.",
        does="Writes no routes for the namespace's groups and models, except for groups whose ModelSplit "
        "names its own gateways.",
        fix="Annotate the Namespace with service-mesh.opendatahub.io/public-gateway-name or "
        "opendatahub.io/service-mesh-gw as <namespace>/<name>, or with maistra.io/gateway-namespace and "
        "maistra.io/gateway-name; or set spec.routing.gateways of a ModelSplit.",
        example=dedent("""\
            metadata:
              annotations:
                opendatahub.io/service-mesh: "true"
                opendatahub.io/service-mesh-gw: istio-system/odh-gateway
            """),
    ),
    Rule(
        "MSP307",
        Severity.WARNING,
        "a namespace mixes mesh dialects",
        why="Three generations of labels and annotations switch the mesh on and name the gateway. When a "
        "namespace carries more than one, an edit of the losing one has no effect.",
        does="Takes each thing from the newest dialect that says it: "
        "service-mesh.opendatahub.io/public-gateway-name over opendatahub.io/service-mesh-gw over "
        "maistra.io/gateway-namespace and maistra.io/gateway-name, and the switch's annotation over its "
        "label.",
        fix="Say everything in one dialect and remove the labels and annotations of the others.",
    ),
    Rule(
        "MSP308",
        Severity.ERROR,
        "Istio would refuse a generated object",
        why="Everything meshsplit writes is checked against Istio's own validation rules first, so that a "
        "refused write never leaves a group half configured.",
        does="Leaves that object out. The others are written.",
        fix="Change the setting, annotation or ModelSplit field that the value comes from. If none of them "
        "is to blame, this is a bug in meshsplit: please report it with the input.",
    ),
    Rule(
        "MSP309",
        Severity.ERROR,
        "a gateway reference is malformed",
        why="Istio accepts <namespace>/<name> or <name> for a gateway, each part a DNS name, and DNS names "
        "for hosts. Anything else is refused by its webhook.",
        does="Treats the namespace as if it named no gateway: no routes that depend on it are written.",
        fix="Write the gateway as <namespace>/<name>, and hosts as DNS names without a port.",
        example=dedent("""\
            opendatahub.io/service-mesh-gw: istio-system/odh-gateway
            """),
    ),
    Rule(
        "MSP310",
        Severity.WARNING,
        "routes are bound to sidecars, which keep the caller's request id",
        why="SingleHop splits by x-request-id. An ingress gateway makes a fresh one for every request; a "
        "sidecar keeps the one that the caller sent, so the split is only as even as the callers' ids.",
        does="Writes the routes as asked.",
        fix="Bind the group to an ingress gateway, or let all members serve one name "
        "(--model_name=<group>), so that plain weights split it.",
    ),
)
