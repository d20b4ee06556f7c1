"""Who guesses keys, and who only shares an address with them."""

from __future__ import annotations

import pytest

from serving.http.wrong_keys import BURST, SECONDS, WrongKeys


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_address_has_a_burst_and_then_one_try_after_the_other(clock: Clock) -> None:
    wrong_keys = WrongKeys(clock)
    for _ in range(BURST):
        assert wrong_keys.wait_seconds("192.0.2.1") == 0
        wrong_keys.count("192.0.2.1")
    assert wrong_keys.wait_seconds("192.0.2.1") == SECONDS
    clock.now += SECONDS - 0.5
    assert wrong_keys.wait_seconds("192.0.2.1") == 1
    clock.now += 0.5
    assert wrong_keys.wait_seconds("192.0.2.1") == 0
    wrong_keys.count("192.0.2.1")
    assert wrong_keys.wait_seconds("192.0.2.1") == SECONDS


def test_the_wait_does_not_grow_however_many_come(clock: Clock) -> None:
    wrong_keys = WrongKeys(clock)
    for _ in range(50 * BURST):
        wrong_keys.count("192.0.2.1")
    assert wrong_keys.wait_seconds("192.0.2.1") == SECONDS


@pytest.mark.parametrize(
    ("other", "braked"),
    [("2001:db8::1", True), ("2001:db8:0:0:ffff::9", True), ("2001:db8:0:1::1", False), ("192.0.2.1", False)],
)
def test_the_addresses_of_one_network_count_together(clock: Clock, other: str, braked: bool) -> None:
    wrong_keys = WrongKeys(clock)
    for number in range(BURST):
        wrong_keys.count(f"2001:db8::{number + 2:x}")
    assert (wrong_keys.wait_seconds(other) > 0) == braked


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    wrong_keys = WrongKeys(clock)
    for number in range(30_000):
        wrong_keys.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        wrong_keys.prove(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(wrong_keys._free_at) == len(wrong_keys._proved) == 10_000
    assert wrong_keys.is_proved("10.0.117.47")
    assert not wrong_keys.is_proved("10.0.0.0")
