"""The fields of a VirtualService that the local mesh serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from meshsplit.local.mesh.schema import Duration, IstioObject, Strict, Uint32

CLAIM_PREFIX = "@request.auth."  # Istio reads such a header name as a JWT claim, not as a header


class StringMatch(Strict):
    """Exact, prefix or (whole-string RE2) regex; none of them means "present"."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None

    @model_validator(mode="after")
    def _one_at_most(self) -> Self:
        if sum(value is not None for value in (self.exact, self.prefix, self.regex)) > 1:
            raise ValueError("only one of exact, prefix and regex can be set")
        return self


def _no_claim(name: str) -> str:
    if name.startswith(CLAIM_PREFIX):
        raise ValueError("the local mesh knows no JWT claims")
    return name


HeaderName = Annotated[str, AfterValidator(_no_claim)]


class HttpMatch(Strict):
    """One condition of an HTTP route; all its parts must hold."""

    name: str = ""
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: Mapping[HeaderName, StringMatch | None] = Field(default_factory=dict)
    without_headers: Mapping[HeaderName, StringMatch | None] = Field(default_factory=dict)
    query_params: Mapping[str, StringMatch | None] = Field(default_factory=dict)
    ignore_uri_case: bool = False
    gateways: Sequence[str] = ()


class HeaderOperations(Strict):
    """What is done to the headers of a request or a response."""

    set: Mapping[str, str] = Field(default_factory=dict)
    add: Mapping[str, str] = Field(default_factory=dict)
    remove: Sequence[str] = ()


class Headers(Strict):
    """Header operations of a route or of a destination."""

    request: HeaderOperations = HeaderOperations()
    response: HeaderOperations = HeaderOperations()


class PortSelector(Strict):
    """A port of a destination."""

    number: Uint32


class Destination(Strict):
    """A Service (or a subset of its endpoints)."""

    host: str
    port: PortSelector | None = None
    subset: str = ""


class RouteDestination(Strict):
    """A destination with its share of the route's traffic."""

    destination: Destination
    weight: Uint32 = 0
    headers: Headers | None = None


class RegexRewrite(Strict):
    """A regex over the path, and what its match becomes."""

    match: str
    rewrite: str


class Rewrite(Strict):
    """What the destination sees instead of the request's path and host."""

    uri: str = ""
    authority: str = ""
    uri_regex_rewrite: RegexRewrite | None = None


class Redirect(Strict):
    """An answer that sends the caller elsewhere."""

    uri: str = ""
    authority: str = ""
    scheme: str = ""
    port: Uint32 | None = None
    derive_port: Literal["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"] | None = None
    redirect_code: Literal[0, 301, 302, 303, 307, 308] = 0


class Body(Strict):
    """The body of a direct response; `bytes` is base64."""

    string: str | None = None
    bytes: str | None = None


class DirectResponse(Strict):
    """An answer the gateway gives itself."""

    status: Uint32
    body: Body | None = None


class Percent(Strict):
    """0 to 100."""

    value: float = 0.0


class Retries(Strict):
    """How often and when a failed request is tried again; no attempts means none."""

    attempts: int = 0
    per_try_timeout: Duration | None = None
    retry_on: str = ""
    retry_ignore_previous_hosts: bool | None = None
    retry_remote_localities: bool | None = None
    backoff: Duration | None = None


class Delegate(Strict):
    """The VirtualService that holds the routes of this one; its namespace defaults to the root's."""

    name: str
    namespace: str = ""


class HttpRoute(Strict):
    """One HTTP route: any of its matches (none: everything) leads to one action."""

    name: str = ""
    match: Sequence[HttpMatch] = ()
    route: Sequence[RouteDestination] = ()
    redirect: Redirect | None = None
    direct_response: DirectResponse | None = None
    delegate: Delegate | None = None
    rewrite: Rewrite | None = None
    timeout: Duration | None = None
    retries: Retries | None = None
    mirror: Destination | None = None
    mirror_percentage: Percent | None = None
    headers: Headers | None = None

    @model_validator(mode="after")
    def _has_one_action(self) -> Self:
        actions = (self.route, self.redirect, self.direct_response, self.delegate)
        if (
            sum(bool(action) if isinstance(action, Sequence) else action is not None for action in actions)
            != 1
        ):
            raise ValueError("exactly one of route, redirect, directResponse and delegate must be set")
        if len(self.route) > 1 and not any(destination.weight for destination in self.route):
            raise ValueError("the weights of several destinations must not all be 0")
        return self


class VirtualServiceSpec(Strict):
    """Hosts, the gateways that serve them, and the routes; without hosts it is a delegate."""

    hosts: Sequence[str] = ()
    gateways: Sequence[str] = ()
    http: Sequence[HttpRoute] = ()


class VirtualService(IstioObject):
    """networking.istio.io VirtualService."""

    spec: VirtualServiceSpec = VirtualServiceSpec()
