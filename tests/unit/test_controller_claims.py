"""Who is looked at again when somebody's claim changes."""

from dataclasses import replace

from meshsplit.controller.claims import NO_CLAIM, Claim, Claims, make_claim
from meshsplit.diagnostics import ObjectRef
from meshsplit.kserve.claims import Claimant
from meshsplit.model import GroupKey
from support.istio import make_own_routing, make_routing

HOST = ("istio-system/gw", "a.example.com")
A, B, C = (GroupKey("ns", name) for name in "abc")
GUEST, ALONE = Claim(1, (HOST,), alone=False), Claim(2, (HOST,), alone=True)


def test_guests_of_one_place_are_no_rivals() -> None:
    claims = Claims()
    assert claims.put(A, GUEST) == frozenset()
    assert claims.put(B, GUEST) == frozenset()
    assert claims.rivals(A) == frozenset()


def test_who_wants_a_place_alone_is_everybodys_rival_there_until_it_leaves() -> None:
    claims = Claims()
    claims.put(A, GUEST)
    claims.put(B, GUEST)
    assert claims.put(C, ALONE) == frozenset({A, B})
    assert claims.rivals(A) == {B, C}
    assert claims.put(C, NO_CLAIM) == frozenset({A, B})
    assert claims.rivals(A) == frozenset()


def test_the_same_claim_again_touches_nobody() -> None:
    claims = Claims()
    claims.put(A, ALONE)
    claims.put(B, ALONE)
    assert claims.put(B, ALONE) is None


def test_who_moves_touches_those_it_leaves_and_those_it_joins() -> None:
    other = ("istio-system/gw", "b.example.com")
    claims = Claims()
    claims.put(A, ALONE)
    claims.put(B, Claim(3, (other,), alone=True))
    claims.put(C, GUEST)
    assert claims.put(C, Claim(1, (other,), alone=False)) == frozenset({A, B})


def test_gateways_find_those_bound_to_them() -> None:
    claims = Claims()
    claims.put(A, GUEST)
    claims.put(B, Claim(3, (("istio-system/other", "*"),), alone=False))
    assert claims.bound_to({"istio-system/gw"}) == {A}


def claimant(**changes: object) -> Claimant:
    site = (ObjectRef("InferenceService", "ns", "a"), ())
    usual = Claimant(("group", "ns", "g"), (False, 1.0, "ns", "g"), site, make_routing(), grpc=True)
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_a_claim_changes_with_what_others_may_lose_to_it_and_with_nothing_else() -> None:
    usual = make_claim([claimant()], None)
    assert make_claim([claimant(routing=make_routing(timeout="7s"))], None) == usual
    changed = [
        claimant(age=(False, 2.0, "ns", "g")),
        claimant(grpc=False),
        claimant(routing=make_routing(hosts=("x.example.com",))),
        claimant(routing=make_own_routing()),
        claimant(routing=None),
    ]
    assert usual not in [make_claim([each], None) for each in changed]
    assert make_claim([claimant()], (False, 1.0, "ns", "g")) != usual
    assert make_claim([], None) == NO_CLAIM
