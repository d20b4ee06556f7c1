from __future__ import annotations

from anabranch import Cut
from speed.cut_waiters import CutWaiters


def test_each_is_woken_when_his_cut_is_passed() -> None:
    reached = [Cut((1,))]
    waiters = CutWaiters(lambda: reached[0])
    assert waiters.when_past(Cut((1,))).result(0) == Cut((1,))
    near, far = waiters.when_past(Cut((2,))), waiters.when_past(Cut((9,)))
    reached[0] = Cut((5,))
    waiters.wake()
    assert near.result(0) == Cut((5,))
    assert not far.done()
    waiters.cancel()
    assert far.cancelled()


def test_who_waited_in_vain_disturbs_nobody() -> None:
    reached = [Cut((0,))]
    waiters = CutWaiters(lambda: reached[0])
    gone, other = waiters.when_past(Cut((2,))), waiters.when_past(Cut((2,)))
    gone.cancel()
    reached[0] = Cut((2,))
    waiters.wake()
    assert other.result(0) == Cut((2,))
