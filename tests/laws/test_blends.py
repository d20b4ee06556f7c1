"""Every blend keeps the laws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speed.blend import BLENDS
from speed.blend.hedge import Hedge
from tests.laws import blend_checks, regret
from tests.laws.blend_checks import EXPERTS, LEARNERS, Losses

SEEDS = st.integers(0, 10**6)
MANY = settings(max_examples=50)
FEW = settings(max_examples=5)
ANY_LOSS = (
    st.floats(allow_nan=True, allow_infinity=True) | st.floats(-10, 10) | st.sampled_from([0.0, 1.0, 1e6, 5e-324])
)
ANY_STEPS = st.lists(st.dictionaries(st.sampled_from(EXPERTS), ANY_LOSS), max_size=30)


@pytest.mark.parametrize("name", BLENDS)
@MANY
@given(steps=ANY_STEPS)
def test_weights_are_convex_whatever_losses_come(name: str, steps: list[Losses]) -> None:
    blend_checks.check_weights_are_convex(BLENDS[name], steps)


@pytest.mark.parametrize("name", [name for name in BLENDS if name not in EXPERTS])
@MANY
@given(seed=SEEDS)
def test_a_permutation_of_experts_permutes_the_weights(name: str, seed: int) -> None:
    blend_checks.check_names_mean_nothing(BLENDS[name], seed)


@pytest.mark.parametrize("name", BLENDS)
@MANY
@given(seed=SEEDS, factor=st.floats(1e-9, 1e9))
def test_losses_in_another_unit_give_the_same_weights(name: str, seed: int, factor: float) -> None:
    blend_checks.check_scale_free(BLENDS[name], seed, factor, 1e-9)


@pytest.mark.parametrize("name", BLENDS)
@MANY
@given(seed=SEEDS, power=st.integers(-30, 30))
def test_losses_in_a_unit_that_is_a_power_of_two_give_the_same_floats(name: str, seed: int, power: int) -> None:
    blend_checks.check_scale_free(BLENDS[name], seed, 2.0**power, 0.0 if name not in ("ada_hedge", "boa") else 1e-12)


@pytest.mark.parametrize("metric", ["squared_error", "absolute_error", "log_loss"])
@pytest.mark.parametrize("name", LEARNERS)
@FEW
@given(seed=SEEDS)
def test_the_weight_of_a_perfect_expert_goes_to_one(name: str, metric: str, seed: int) -> None:
    blend_checks.check_the_perfect_one_wins(BLENDS[name], metric, seed)


@pytest.mark.parametrize("name", LEARNERS)
@FEW
@given(seed=SEEDS)
def test_a_diverged_expert_is_out_weighted(name: str, seed: int) -> None:
    blend_checks.check_the_diverged_one_is_out(BLENDS[name], seed, one_size=name == "fixed_share")


@FEW
@given(seed=SEEDS)
def test_the_default_blend_recovers_from_a_diverged_expert(seed: int) -> None:
    """The others never forget, or their unit is the widest loss ever seen."""
    blend_checks.check_the_diverged_one_is_out(Hedge, seed, limit=0.01)
    blend_checks.check_the_blend_recovers(Hedge, seed)


@pytest.mark.parametrize("kind", regret.KINDS)
@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "hedge"])
@FEW
@given(seed=SEEDS)
def test_regret_is_within_the_bound_of_the_theorem(name: str, kind: str, seed: int) -> None:
    regret.check_regret_is_within_the_theorem(BLENDS[name], kind, seed)


@pytest.mark.parametrize("name", [*LEARNERS, "mean"])
@MANY
@given(seed=SEEDS)
def test_an_expert_that_comes_late_gets_a_fair_share_and_gives_it_back(name: str, seed: int) -> None:
    blend_checks.check_late_and_leaving(BLENDS[name], seed)


@pytest.mark.parametrize("name", [name for name in (*LEARNERS, "mean") if name not in ("boa", "ml_poly", "ada_hedge")])
@MANY
@given(seed=SEEDS)
def test_experts_that_sleep_keep_their_weight(name: str, seed: int) -> None:
    blend_checks.check_sleepers_do_not_suffer(BLENDS[name], seed)


@pytest.mark.parametrize("name", BLENDS)
@MANY
@given(seed=SEEDS)
def test_a_restored_blend_goes_on_to_the_bit(name: str, seed: int) -> None:
    blend_checks.check_state_goes_on_to_the_bit(BLENDS[name], seed)
