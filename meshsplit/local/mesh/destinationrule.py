"""The fields of a DestinationRule that the local mesh serves, and which rule governs a host."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from meshsplit.local.mesh.names import to_fqdn
from meshsplit.local.mesh.schema import Duration, IstioObject, Strict, UnsupportedField


class HttpCookie(Strict):
    """The cookie to hash; Envoy makes it when the request has none and a ttl is set."""

    name: str
    path: str = ""
    ttl: Duration | None = None


class RingHash(Strict):
    """Ketama ring."""

    minimum_ring_size: int = Field(default=0, ge=0)


class Maglev(Strict):
    """Maglev table."""

    table_size: int = Field(default=0, ge=0)


class ConsistentHash(Strict):
    """What keeps a caller on one endpoint."""

    http_header_name: str | None = None
    http_cookie: HttpCookie | None = None
    use_source_ip: bool | None = None
    http_query_parameter_name: str | None = None
    ring_hash: RingHash | None = None
    maglev: Maglev | None = None
    minimum_ring_size: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        keys = (self.http_header_name, self.http_cookie, self.use_source_ip, self.http_query_parameter_name)
        if sum(key is not None for key in keys) != 1:
            raise ValueError(
                "exactly one of httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName must be set"
            )
        return self


class LoadBalancer(Strict):
    """How an endpoint is chosen."""

    simple: Literal["UNSPECIFIED", "LEAST_CONN", "LEAST_REQUEST", "RANDOM", "ROUND_ROBIN"] | None = None
    consistent_hash: ConsistentHash | None = None


class TrafficPolicy(Strict):
    """The only policy the local mesh serves is the load balancer's."""

    load_balancer: LoadBalancer | None = None


class Subset(Strict):
    """Endpoints by label."""

    name: str
    labels: Mapping[str, str] = Field(default_factory=dict)
    traffic_policy: TrafficPolicy | None = None


class DestinationRuleSpec(Strict):
    """Policy and subsets of one host."""

    host: str
    traffic_policy: TrafficPolicy | None = None
    subsets: Sequence[Subset] = ()


class DestinationRule(IstioObject):
    """networking.istio.io DestinationRule."""

    spec: DestinationRuleSpec

    def to_load_balancer(self, subset: str) -> LoadBalancer | None:
        """The load balancer of `subset` ("" for the whole host): the subset's own, else the host's."""
        policies = [self.spec.traffic_policy]
        policies += [part.traffic_policy for part in self.spec.subsets if subset and part.name == subset]
        balancers = [policy.load_balancer for policy in policies if policy and policy.load_balancer]
        return balancers[-1] if balancers else None

    def to_consistent_hash(self, subset: str) -> ConsistentHash | None:
        """The hash key of a route to `subset`: a subset that names none inherits the host's, whatever its
        own load balancer is (Istio: hashForHTTPDestination in networking/core/route/route.go).
        """
        balancers = [self.to_load_balancer(subset), self.to_load_balancer("")]
        return next((it.consistent_hash for it in balancers if it and it.consistent_hash), None)


def to_rules(rules: Iterable[DestinationRule]) -> dict[str, DestinationRule]:
    """Each host's rule: several for one host are merged oldest first, as Istio does (destination_rule.go).

    UnsupportedField for a wildcard host and for a rule outside its Service's namespace, where only Istio's
    visibility rules could tell whether the gateway sees it.
    """
    merged: dict[str, DestinationRule] = {}
    for rule in sorted(rules, key=lambda rule: rule.metadata.age_order):
        host = to_fqdn(rule.spec.host, rule.metadata.namespace)
        if host.startswith("*"):
            raise UnsupportedField(f"{rule.title}: spec.host: the local mesh knows no wildcard hosts here")
        if host.endswith(".svc.cluster.local") and host.split(".")[1] != rule.metadata.namespace:
            raise UnsupportedField(
                f"{rule.title}: spec.host: the rule must be in the namespace of its Service"
            )
        merged[host] = _merge(merged[host], rule) if host in merged else rule
    return merged


def _merge(older: DestinationRule, younger: DestinationRule) -> DestinationRule:
    names = {subset.name for subset in older.spec.subsets}
    spec = older.spec.model_copy(
        update={
            "subsets": [*older.spec.subsets, *(it for it in younger.spec.subsets if it.name not in names)],
            "traffic_policy": older.spec.traffic_policy or younger.spec.traffic_policy,
        }
    )
    return older.model_copy(update={"spec": spec})
