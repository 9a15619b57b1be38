import pytest

from meshsplit.istio.strategy import check_strategy, written_strategy
from meshsplit.model import Group, RestStrategy
from support.istio import make_group, make_own_routing, make_routing, model_mesh, standard

WEIGHTED = {"rest": RestStrategy.WEIGHTED}


@pytest.mark.parametrize(
    "group",
    [
        make_group(model_mesh("a"), model_mesh("b")),
        make_group(standard("a"), standard("b"), routing=make_own_routing()),
        make_group(model_mesh("a"), routing=make_routing(rest=RestStrategy.LOOPBACK)),
        make_group(standard("a", "g"), standard("b", "g"), routing=make_own_routing(**WEIGHTED)),
        make_group(standard("a"), standard("b", rest=False), routing=make_own_routing()),
        make_group(standard("a", rest=False), routing=make_own_routing(**WEIGHTED)),
        make_group(standard("a", "x"), standard("b", "x"), routing=make_routing(**WEIGHTED)),
    ],
)
def test_a_strategy_that_fits_is_not_mentioned(group: Group) -> None:
    assert check_strategy(group) == ()


@pytest.mark.parametrize(
    "group",
    [
        make_group(model_mesh("a"), model_mesh("b"), routing=make_routing(**WEIGHTED)),
        make_group(standard("a"), standard("b"), routing=make_own_routing(**WEIGHTED)),
        make_group(standard("a", "x"), standard("b", "x"), routing=make_own_routing(**WEIGHTED)),
    ],
)
def test_weighted_names_the_members_that_do_not_know_the_name_they_get(group: Group) -> None:
    (finding,) = check_strategy(group)
    assert "a, b do not serve the name g" in finding.message
    assert finding.path == ("spec", "routing", "rest")
    assert finding.code == "MSP215"
    assert written_strategy(group) is RestStrategy.SINGLE_HOP


def test_loopback_has_no_shape_on_an_own_host() -> None:
    group = make_group(standard("a"), routing=make_own_routing(rest=RestStrategy.LOOPBACK))
    (finding,) = check_strategy(group)
    assert finding.code == "MSP008"
    assert "SingleHop is used" in finding.message
    assert written_strategy(group) is RestStrategy.SINGLE_HOP
