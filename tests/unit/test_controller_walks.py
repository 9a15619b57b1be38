"""A canary on the controller's own passes: what is read, held, told and gone back from."""

from meshsplit.analysis.metrics import Ambiguous, Failure, NoData, Partial, Trouble, Unavailable
from meshsplit.kube.port import ApiError, Resource
from support.store_api import StoreApi
from support.walks import Walk

TROUBLES: dict[str, Failure] = {
    "SourceUnreachable": Unavailable(Trouble.UNREACHABLE, "refused"),
    "SourceSlow": Unavailable(Trouble.SLOW, "5 s"),
    "SourceFailing": Unavailable(Trouble.FAILING, "503"),
    "NoSeries": NoData(Trouble.NO_SERIES, "no series"),
    "NotANumber": NoData(Trouble.NOT_A_NUMBER, "NaN"),
    "Stale": NoData(Trouble.STALE, "300 s old"),
    "PartialAnswer": Partial("a store did not answer"),
    "MembersNotTold": Ambiguous("one counter for two"),
}
TWO = {"metrics": [{"name": "error-rate"}, {"name": "drift", "good": "good", "bad": "bad"}]}


def test_a_good_canary_walks_every_step_and_is_promoted() -> None:
    walk = Walk()
    walk.go()
    walk.tick_until("Promoted")
    assert walk.acts == ["Apply", "Start", "Advance", "Promote"]
    assert walk.weight == 100
    assert walk.condition("MetricsAvailable") == ("True", "Answering")


def test_a_canary_that_gets_worse_under_way_is_rolled_back() -> None:
    walk = Walk()
    walk.go()
    walk.tick_to(50)
    walk.failing[walk.canary] = 0.3
    walk.tick_until("RolledBack")
    assert walk.weight == 0
    assert walk.condition("Promoted") == ("False", "RolledBack")


def test_without_evidence_weights_are_held_and_the_reason_is_said() -> None:
    walk = Walk()
    walk.go()
    walk.tick_to(10)
    walk.tick()
    history, before = walk.acts, walk.state.measure
    assert before is not None
    for reason, trouble in TROUBLES.items():
        walk.source.trouble = trouble
        walk.tick()
        assert walk.weight == 10
        assert walk.condition("MetricsAvailable") == ("False", reason)
    after = walk.state.measure
    assert after is not None
    assert (walk.acts, after.trial) == (history, before.trial)
    walk.source.trouble = None
    walk.tick()
    assert walk.condition("MetricsAvailable") == ("True", "Answering")
    walk.tick_until("Promoted")


def test_a_rollout_does_not_begin_without_evidence() -> None:
    walk = Walk()
    walk.source.trouble = TROUBLES["SourceUnreachable"]
    walk.go()
    for reason, trouble in TROUBLES.items():
        walk.source.trouble = trouble
        walk.tick()
        assert (walk.phase, walk.weight) == ("Pending", 0)
        assert walk.condition("MetricsAvailable") == ("False", reason)
    walk.source.trouble = None
    walk.tick_until("Promoted")


def test_that_metrics_cannot_be_read_is_told_once_by_an_event() -> None:
    walk = Walk()
    walk.go()
    walk.tick_to(10)
    walk.source.trouble = TROUBLES["SourceUnreachable"]
    for _ in range(20):
        walk.tick()
    assert walk.events("MetricsUnavailable") == 1


def test_harm_in_one_metric_is_acted_upon_while_another_cannot_be_read() -> None:
    walk = Walk(analysis=TWO)
    walk.go()
    walk.tick_to(10)
    walk.tick()
    walk.source.troubles["drift"] = NoData(Trouble.NO_SERIES, "not any more")
    for _ in range(6):
        walk.tick()
    assert (walk.phase, walk.weight) == ("Progressing", 10)
    assert walk.condition("MetricsAvailable") == ("False", "NoSeries")
    assert walk.events("MetricsUnavailable") == 1
    walk.failing[walk.canary] = 1.0
    walk.tick()
    assert walk.phase == "RolledBack"


def test_a_metric_that_comes_back_goes_on_where_it_was() -> None:
    walk = Walk(analysis=TWO)
    walk.go()
    walk.tick_to(10)
    walk.tick()
    walk.source.troubles["drift"] = NoData(Trouble.NO_SERIES, "not any more")
    walk.tick()
    walk.tick()
    walk.source.troubles.clear()
    walk.tick()
    shown = {each["metric"]: each["requests"] for each in walk.status["lastDecision"]["evidence"]}
    assert shown["drift"] == shown["error-rate"] > 0


def test_what_stale_counters_hide_is_judged_when_they_move_again() -> None:
    walk = Walk()
    walk.go()
    walk.tick_to(10)
    walk.tick()
    walk.source.frozen_at = walk.clock.utc().timestamp()
    walk.failing[walk.canary] = 1.0
    for _ in range(3):
        walk.tick()
    assert walk.weight == 10
    walk.source.frozen_at = None
    walk.tick()
    assert walk.phase == "RolledBack"


def test_a_clock_that_is_set_back_does_not_keep_an_outage_from_being_seen() -> None:
    walk = Walk()
    walk.go()
    walk.tick_to(10)
    walk.tick()
    walk.clock.advance(-3600.0)
    walk.failing[walk.canary] = 1.0
    for _ in range(4):
        walk.tick()
    assert walk.phase == "RolledBack"


class Closed:
    """An API server that takes no VirtualService while it is shut."""

    def __init__(self, walk: Walk) -> None:
        self.shut = False
        self.api = StoreApi(walk.scene.store)
        self.api.before = self._refuse

    def _refuse(self, verb: str, resource: Resource, _name: str) -> None:
        if self.shut and resource.plural == "virtualservices":
            raise ApiError(500, "InternalError", f"cannot {verb}")


def walk_to_a_shut_door() -> tuple[Walk, Closed]:
    """A canary at 10 %, from where no step can be written."""
    walk = Walk()
    api = Closed(walk)
    walk.start(api.api)
    walk.go()
    walk.tick_to(10)
    api.shut = True
    return walk, api


def test_what_was_counted_on_routes_that_were_never_written_is_no_evidence_at_the_new_weight() -> None:
    walk, api = walk_to_a_shut_door()
    for _ in range(30):
        walk.tick()
    assert walk.weight == 10
    assert walk.phase == "Progressing"
    assert walk.acts[-1] == "Advance"
    api.shut = False
    walk.tick()
    assert walk.weight == 50
    reads = []
    while walk.phase != "Promoted":
        walk.tick()
        reads.append(walk.weight)
    assert reads.count(50) >= 2


def test_an_outage_is_gone_back_from_while_the_weights_of_a_step_cannot_be_written() -> None:
    walk, api = walk_to_a_shut_door()
    for _ in range(6):
        walk.tick()
    walk.failing[walk.canary] = 1.0
    walk.tick()
    walk.tick()
    assert walk.acts[-1] == "Rollback"
    api.shut = False
    walk.tick()
    assert (walk.phase, walk.weight) == ("RolledBack", 0)


def test_an_outage_at_a_new_weight_is_not_waited_for_a_whole_read_to_begin() -> None:
    """Ten seconds after the change, five of which its gateways take, evidence is in; reads are 30 s apart."""
    walk = Walk(analysis={"interval": "30s"}, failing={Walk.canary: 1.0})
    walk.go()
    while not walk.weight:
        walk.tick(2)
    began = walk.clock.utc()
    while walk.phase == "Progressing":
        walk.tick(2)
    assert walk.phase == "RolledBack"
    assert (walk.clock.utc() - began).total_seconds() <= 14


def test_a_source_that_tells_nothing_is_not_hurried_for_long() -> None:
    walk = Walk(analysis={"interval": "30s"})
    walk.go()
    while not walk.weight:
        walk.tick(2)
    walk.source.trouble = TROUBLES["SourceSlow"]
    for _ in range(40):
        walk.tick(2)
    reads = len(walk.source.reads)
    for _ in range(30):
        walk.tick(2)
    assert len(walk.source.reads) - reads == 2
