"""Stable's past of all splits whose rollouts begin, in few range queries."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from meshsplit.analysis.asks import OWN_PODS, SignalAsk, to_asks
from meshsplit.analysis.metrics import Backends, Failure, Key, MetricRequest, Signal
from meshsplit.analysis.past import StablePast, Track, to_stable_past
from meshsplit.analysis.queries.pack import Place
from meshsplit.analysis.queries.promql import TAG, make_past_query
from meshsplit.analysis.snapshot import choose_endpoints
from meshsplit.metrics.answers import Matrix
from meshsplit.metrics.vectors import to_endpoint

AskRange = Callable[[str], Matrix | Failure]
"""Send one range query over all of the past that is wanted."""

_MOST_IN_ONE = 50
"""Splits in a query: with two pods and three codes each that is an answer of 7 MB."""


def read_pasts(
    requests: Sequence[MetricRequest], backends: Backends, ask: AskRange, until: float
) -> dict[Key, StablePast]:
    """The past of each request's members up to `until`; what cannot be read is left out.

    After a query that failed none is sent: reads of rollouts under way wait meanwhile.
    Only the built-in counters of failures have one: latencies are gathered before a rollout begins, and the
    user's own counters need not name the pods.
    """
    found: dict[Key, StablePast] = {}
    wanted = [request for request in requests if request.what is Signal.ERRORS]
    for begin in range(0, len(wanted), _MOST_IN_ONE):
        for signal in to_asks(wanted[begin : begin + _MOST_IN_ONE], backends):
            parts = signal.to_parts()
            matrix = ask(make_past_query(parts)) if parts else ()
            if not isinstance(matrix, tuple):
                return found
            found |= _sort_out(signal, matrix, until)
    return found


def _sort_out(ask: SignalAsk, matrix: Matrix, until: float) -> dict[Key, StablePast]:
    tracks = _to_tracks(ask, matrix)
    found = {}
    for request, places in ask.requests:
        wanted = sorted({place for each in places.values() for place in each})
        own_pods = all(place.backend in OWN_PODS for place in wanted)
        counted = [track for place in wanted for track in tracks.get(place, ())]
        found[request.key] = to_stable_past(counted, until, own_pods)
    return found


def _to_tracks(ask: SignalAsk, matrix: Matrix) -> Mapping[Place, list[Track]]:
    """The counters by whose requests they count."""
    found: dict[Place, list[Track]] = defaultdict(list)
    for pack, family, _ in ask.to_parts():
        counters = [each for each in matrix if each.labels.get(TAG) == pack.backend.value]
        pods = choose_endpoints(to_endpoint(labels) for labels, _ in counters)
        for labels, values in counters:
            endpoint, outcome = to_endpoint(labels), family.to_outcome(labels)
            if endpoint in pods and outcome is not None:
                for place in family.locate(labels):
                    found[place].append(Track(pods[endpoint], outcome.bad, values))
    return found
