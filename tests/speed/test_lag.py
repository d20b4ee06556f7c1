from __future__ import annotations

from speed.lag import SEEN_SECONDS, Lag

SECOND = 1_000_000


def test_the_lag_is_the_age_of_what_waits() -> None:
    now = [100 * SECOND]
    lag = Lag(lambda: now[0])
    lag.behind(97 * SECOND)
    assert lag.seconds() == 3.0
    now[0] += 5 * SECOND
    assert lag.seconds() == 8.0


def test_it_is_nothing_while_the_log_was_just_seen_at_its_end_and_grows_from_there() -> None:
    now = [100 * SECOND]
    lag = Lag(lambda: now[0])
    lag.seen_at_end(lag.look())
    now[0] += int(SEEN_SECONDS * SECOND)
    assert lag.seconds() == 0.0
    now[0] += SECOND
    assert lag.seconds() == SEEN_SECONDS + 1.0


def test_before_the_first_look_it_is_as_old_as_the_fold() -> None:
    now = [100 * SECOND]
    lag = Lag(lambda: now[0])
    now[0] += 60 * SECOND
    assert lag.seconds() == 60.0


def test_a_clock_that_was_set_back_makes_no_lag_below_zero() -> None:
    now = [100 * SECOND]
    lag = Lag(lambda: now[0])
    lag.behind(100 * SECOND)
    now[0] = 50 * SECOND
    assert lag.seconds() == 0.0
