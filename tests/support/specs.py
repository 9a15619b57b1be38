"""Hypothesis strategies for the spec of a ModelSplit: mostly right ones, and ones with something wrong."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from meshsplit.api import names

Spec = dict[str, Any]


def whole(*patterns: str) -> st.SearchStrategy[str]:
    """Texts that fit the first pattern and mostly the others, at most 60 characters."""
    return st.from_regex(patterns[0], fullmatch=True).filter(lambda text: len(text) <= 60)


def some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    """An object with some of these fields."""
    return st.fixed_dictionaries({}, optional=optional)


def needing(required: Spec, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    """An object with all of the required fields and some of the others."""
    return st.fixed_dictionaries(required, optional=optional)


object_names = st.one_of(st.sampled_from(["blue", "green", "a.b"]), whole(names.OBJECT_NAME))
hosts = st.one_of(st.sampled_from(["*", "{group}.{namespace}.x.org"]), whole(*names.HOST_TEMPLATE))
durations = st.one_of(st.sampled_from(["0s", "30s", "1h30m"]), whole(names.DURATION))
decimals = st.sampled_from(["0", "1", "0.05", "00.5", "12.5"])
rates = st.sampled_from(["0.01", "0.05", "0.5"])
tokens = st.sampled_from(["x-user", "A!", "x_y"])
headers = st.sampled_from(["x-user", "X_User", "User-Agent", "x-request-id"])
urls = st.sampled_from(["http://a", "https://a.b:80/c?d=e", "http://[::1]/"])
texts = st.text(min_size=1, max_size=8)
percents = st.integers(0, 100)
steps = st.integers(1, 100)
margins = some(ratio=decimals, add=decimals)


def lists(of: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=least, max_size=3)


retries = needing({"attempts": percents}, perTryTimeout=durations, retryOn=texts)
routings = some(
    mode=st.sampled_from(["Standalone", "Delegate"]),
    rest=st.sampled_from(["SingleHop", "Loopback", "Weighted"]),
    protocols=st.lists(st.sampled_from(["grpc", "http"]), min_size=1, max_size=2),
    hosts=lists(hosts, 1),
    gateways=lists(st.one_of(st.sampled_from(["mesh", "a/b"]), whole(names.GATEWAY)), 1),
    loopHost=whole(names.HOST_PORT),
    timeout=durations,
    retries=retries,
)
matches = needing(
    {"headers": st.dictionaries(tokens, some(exact=texts, prefix=texts, regex=texts), min_size=1)}
)
gates = needing(
    {"name": texts, "type": st.sampled_from(["preRollout", "rollback"]), "url": urls},
    timeout=durations,
    retries=st.integers(0, 16),
    hmacSecret=needing({"name": object_names, "key": texts}),
)
canaries = some(
    stepWeights=st.one_of(lists(steps, 1).map(sorted), lists(steps, 1)),
    stepWeight=steps,
    maxWeight=steps,
    failureBudget=st.integers(0, 10**9),
    stepInterval=durations,
    maxHold=durations,
    onComplete=st.sampled_from(["Promote", "Hold"]),
    mirror=needing({"member": object_names, "percent": steps}),
    match=lists(matches),
    gates=lists(gates),
    windows=lists(needing({"schedule": texts, "duration": durations}, timeZone=texts)),
    notify=lists(needing({"url": urls}, format=st.sampled_from(["Webhook", "CloudEvents"]))),
)
blue_greens = some(
    autoPromotionEnabled=st.booleans(),
    preview=needing({"headerName": tokens}),
    prePromotionChecks=some(minRequests=percents, maxErrorPercent=decimals, within=durations),
    scaleDownDelay=durations,
)
analyses = some(
    source=some(prometheus=needing({"address": urls}), gateway=st.just({})),
    interval=durations,
    initialDelay=durations,
    deadline=durations,
    onInconclusive=st.sampled_from(["Hold", "Rollback", "Advance"]),
    falseRollbackRate=rates,
    missRate=rates,
    metrics=lists(
        needing(
            {"name": texts},
            tolerance=margins,
            margin=margins,
            good=texts,
            bad=texts,
            limit=decimals,
            dryRun=st.booleans(),
        )
    ),
)


@st.composite
def members(draw: st.DrawFn) -> list[Spec]:
    """One to four members whose weights mostly add up to 100."""
    chosen = draw(st.lists(object_names, min_size=1, max_size=4))
    weights = draw(st.lists(percents, min_size=len(chosen), max_size=len(chosen)))
    if draw(st.booleans()):
        weights = [*[0] * (len(chosen) - 1), 100]
    return [{"name": name, "weight": weight} for name, weight in zip(chosen, weights, strict=True)]


specs = st.one_of(st.just({"modelTag": "mnist"}), some()).flatmap(
    lambda base: some(
        modelTag=st.text(min_size=1, max_size=10),
        weightsFrom=st.sampled_from(["Annotations", "Spec"]),
        members=members(),
        stableMember=object_names,
        routing=routings,
        sessionAffinity=some(cookie=some(name=tokens, maxAge=durations), header=headers),
        strategy=some(canary=canaries, blueGreen=blue_greens),
        analysis=analyses,
        suspend=st.booleans(),
        reportProgress=st.just("UntilPromoted"),
    ).map(lambda spec: {**base, **spec})
)
"""Every field has a legal value of its own; rules that span fields may be broken."""

JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    101,
    1.5,
    "",
    "A",
    "a b",
    "5",
    "0s",
    "é",
    "a\n",
    "x" * 400,
    [],
    {},
    [None],
    [[]],
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) inside a value."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in entries:
        yield value, key
        yield from places(inner)


@st.composite
def broken_specs(draw: st.DrawFn) -> Spec:
    """A spec with one value replaced by junk, or one unknown field."""
    spec = copy.deepcopy(draw(specs))
    found = [*places(spec), (spec, "modelTag")]
    container, key = draw(st.sampled_from(range(len(found))).map(found.__getitem__))
    if isinstance(container, dict) and draw(st.integers(0, 9)) == 0:
        key = "zzz"
    container[key] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    return spec
