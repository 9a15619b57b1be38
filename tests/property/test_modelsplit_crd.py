"""The API server takes exactly the ModelSplits that the check without a cluster takes."""

from hypothesis import HealthCheck, event, given, settings

from support.crds import refusal_of_server, refusals_offline
from support.manifests import make_model_split
from support.specs import Spec, broken_specs, specs

slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def check_agreement(spec: Spec) -> None:
    body = make_model_split(**spec)
    offline, server = refusals_offline(body), refusal_of_server(body)
    event("refused" if offline else "accepted")
    assert bool(offline) == bool(server), f"offline: {offline}, server: {server!r}"


@slow
@given(specs)
def test_both_agree_on_specs_of_legal_values(spec: Spec) -> None:
    check_agreement(spec)


@slow
@given(broken_specs())
def test_both_agree_on_specs_with_one_wrong_value(spec: Spec) -> None:
    check_agreement(spec)
