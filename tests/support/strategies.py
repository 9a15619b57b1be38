"""Hypothesis strategies for the vocabulary of meshsplit.model."""

from hypothesis import strategies as st

from meshsplit.affinity import BucketAffinity, BucketCookie
from meshsplit.model import (
    FULL,
    DeploymentMode,
    Endpoint,
    Group,
    GroupKey,
    Member,
    Model,
    Owner,
    Protocol,
    RestStrategy,
    Retries,
    Routing,
    RoutingMode,
    Split,
)

PER_MILLE = 1000
LOOP = Endpoint("istio-ingressgateway.istio-system.svc.cluster.local", 80)

dns_labels = st.from_regex(r"[a-z](?:[-a-z0-9]{0,12}[a-z0-9])?", fullmatch=True)
group_names = st.one_of(dns_labels, st.builds("{}.{}".format, dns_labels, dns_labels), st.just("1e3"))
served_names = st.one_of(dns_labels, st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,15}", fullmatch=True))
durations = st.sampled_from(["1ms", "500ms", "7s", "1m30s", "0.5s", "24h"])
totals = st.sampled_from([FULL, PER_MILLE])
retries = st.one_of(
    st.just(Retries(0)),
    st.builds(
        Retries,
        st.integers(1, 10),
        st.none() | durations,
        st.none() | st.sampled_from(["5xx", "connect-failure,refused-stream,503"]),
    ),
)
owners = st.builds(
    Owner, st.just("serving.kserve.io/v1beta1"), st.just("InferenceService"), dns_labels, st.uuids().map(str)
)
cookies = st.builds(
    BucketCookie,
    st.sampled_from(["meshsplit-g", "__Host-a.b", "a+b*c^d|e$f%25", "c" * 253]),
    st.integers(0, 10**9),
)
affinities = st.builds(
    BucketAffinity, st.none() | st.sampled_from(["x-client-id", "X-User_Id"]), st.none() | cookies
).filter(lambda affinity: affinity.header is not None or affinity.cookie is not None)


@st.composite
def weights(draw: st.DrawFn, size: int, total: int, least: int = 0) -> list[int]:
    """`size` whole numbers (>= least) that add up to `total`."""
    spare = total - size * least
    cuts = sorted(draw(st.lists(st.integers(0, spare), min_size=size - 1, max_size=size - 1)))
    return [high - low + least for low, high in zip([0, *cuts], [*cuts, spare], strict=True)]


@st.composite
def splits(draw: st.DrawFn, members: list[str], total: int | None = None) -> Split:
    """A split over exactly these members."""
    whole = draw(totals) if total is None else total
    return Split(tuple(sorted(zip(members, draw(weights(len(members), whole)), strict=True))), whole)


@st.composite
def model_mesh_members(draw: st.DrawFn, name: str, namespace: str) -> Member:
    host = f"modelmesh-serving.{namespace}.svc.cluster.local"
    ready = draw(st.sampled_from([None, True, False]))
    return Member(name, DeploymentMode.MODEL_MESH, name, Endpoint(host, 8008), Endpoint(host, 8033), ready)


@st.composite
def plain_members(draw: st.DrawFn, name: str, namespace: str, group: str) -> Member:
    """A Standard or Knative member, which may serve the group's name and may speak gRPC alone."""
    mode = draw(st.sampled_from([DeploymentMode.STANDARD, DeploymentMode.KNATIVE]))
    host = f"{name}-predictor.{namespace}.svc.cluster.local"
    endpoint = Endpoint(host, 80, host if mode is DeploymentMode.KNATIVE else "")
    rest = draw(st.sampled_from([endpoint, endpoint, None]))
    served = draw(st.one_of(st.just(group), st.just(name), served_names))
    return Member(name, mode, served, rest, endpoint)


@st.composite
def routings(draw: st.DrawFn, own_host: bool) -> Routing:
    mode = draw(st.sampled_from(RoutingMode))
    hosts = (
        ("models.example.com",) if own_host else draw(st.sampled_from([("*",), ("a.example.com", "b.io")]))
    )
    alone = mode is RoutingMode.STANDALONE
    return Routing(
        hosts=hosts if alone else (),
        gateways=draw(st.sampled_from([("istio-system/ingress",), ("gw",)])) if alone else (),
        rest=draw(st.sampled_from(RestStrategy)),
        loop=LOOP,
        own_host=own_host,
        mode=mode,
        protocols=draw(st.sets(st.sampled_from(Protocol), min_size=1).map(frozenset)),
        timeout=draw(st.none() | durations),
        retries=draw(st.none() | retries),
    )


@st.composite
def groups(draw: st.DrawFn, min_members: int = 1, max_members: int = 10) -> Group:
    """A group on the shared ModelMesh host, or on its own with members of any mode."""
    key = GroupKey(draw(dns_labels), draw(group_names))
    size = st.integers(min_members, max_members)
    names = draw(size.flatmap(lambda n: st.lists(dns_labels, min_size=n, max_size=n, unique=True)))
    own_host = draw(st.booleans())
    members = [
        draw(plain_members(name, key.namespace, key.name))
        if own_host and draw(st.booleans())
        else draw(model_mesh_members(name, key.namespace))
        for name in names
    ]
    return Group(
        key=key,
        members=tuple(sorted(members, key=lambda member: member.name)),
        target=None,
        routing=draw(routings(own_host)),
        stable_member=draw(st.none() | st.sampled_from(names) | st.just("nobody")),
        affinity=draw(st.none() | affinities),
        owners=tuple(draw(st.lists(owners, max_size=3))),
    )


@st.composite
def groups_with_split(draw: st.DrawFn, min_members: int = 1, max_members: int = 10) -> tuple[Group, Split]:
    """A group and a split of it."""
    group = draw(groups(min_members, max_members))
    return group, draw(splits([member.name for member in group.members]))


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A single ModelMesh model."""
    namespace, name = draw(dns_labels), draw(dns_labels)
    host = f"modelmesh-serving.{namespace}.svc.cluster.local"
    return Model(
        namespace=namespace,
        name=name,
        rest=Endpoint(host, 8008),
        grpc=draw(st.sampled_from([Endpoint(host, 8033), None])),
        routing=draw(routings(own_host=False)),
        owner=draw(st.none() | owners),
    )
