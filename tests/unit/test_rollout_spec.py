"""What a ModelSplit asks of its rollouts, as the state machine reads it."""

from meshsplit.api.advice import advise
from meshsplit.api.modelsplit import ModelSplit
from meshsplit.model import MatchKind, Shadow, Strategy, StringMatch
from meshsplit.rollout.spec import (
    STATIC,
    BlueGreenSpec,
    CanarySpec,
    GateSpec,
    GateType,
    PreviewChecks,
    RolloutSpec,
)
from support.manifests import make_model_split
from support.rollouts import blue_green, canary, make_spec


def test_what_is_left_out_has_its_default() -> None:
    assert make_spec() == STATIC == RolloutSpec()
    assert canary().canary == CanarySpec()
    assert blue_green().blue_green == BlueGreenSpec()
    assert (canary().strategy, blue_green().strategy) == (Strategy.CANARY, Strategy.BLUE_GREEN)
    assert canary().policy.course.ramp.steps == (50, 100, 250, 500)


def test_gates_have_their_type_timeout_retries_and_secret() -> None:
    gate = {
        "name": "qa",
        "type": "confirmPromotion",
        "url": "https://qa.example.com/ok",
        "timeout": "2s",
        "retries": 3,
        "hmacSecret": {"name": "hooks", "key": "qa"},
    }
    read = canary(gates=[gate]).canary
    assert read is not None
    assert read.gates == (
        GateSpec("qa", GateType.CONFIRM_PROMOTION, "https://qa.example.com/ok", 2.0, 3, ("hooks", "qa")),
    )


def test_matches_are_in_lower_case_and_an_empty_one_matches_anything() -> None:
    matches = [{"headers": {"X-Tester": {"exact": "yes"}, "x-a": {}}}, {"headers": {"x-b": {"prefix": "b"}}}]
    read = canary(match=matches, mirror={"member": "b", "percent": 10}).canary
    assert read is not None
    assert read.match == (
        (("x-a", StringMatch(MatchKind.REGEX, ".*")), ("x-tester", StringMatch(MatchKind.EXACT, "yes"))),
        (("x-b", StringMatch(MatchKind.PREFIX, "b")),),
    )
    assert read.shadow == Shadow("b", 10)


def test_blue_green_checks_are_numbers() -> None:
    read = blue_green(
        autoPromotionEnabled=True,
        preview={"headerName": "X-Preview"},
        prePromotionChecks={"minRequests": 500, "maxErrorPercent": "0.5", "within": "5m"},
        scaleDownDelay="0s",
    ).blue_green
    assert read == BlueGreenSpec(True, "x-preview", PreviewChecks(500, 0.005, 300.0), 0.0)


def test_a_window_that_never_opens_is_said() -> None:
    windows = [
        {"schedule": "0 9 * * 1-5", "duration": "8h", "timeZone": "Europe/Zurich"},
        {"schedule": "every day", "duration": "0s", "timeZone": "Mars/Olympus"},
    ]
    body = make_model_split(modelTag="g", strategy={"canary": {"windows": windows}})
    found = [finding for finding in advise(ModelSplit.model_validate(body)) if finding.code == "MSP507"]
    assert [finding.path[4:] for finding in found] == [(1, "schedule"), (1, "timeZone"), (1, "duration")]
    assert found[0].message == (
        'window 1 never opens: schedule is "every day", want five cron fields such as 0 9 * * 1-5'
    )
