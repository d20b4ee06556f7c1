from __future__ import annotations

from batch.run_progress import CombinedProgress, NoProgress


class Counting(NoProgress):
    def __init__(self) -> None:
        self.done = 0

    def advance(self, n: int = 1) -> None:
        self.done += n


class Broken(Counting):
    def advance(self, n: int = 1) -> None:
        super().advance(n)
        raise BrokenPipeError


def test_one_that_cannot_be_told_keeps_nobody_else_from_being_told_and_is_left_alone() -> None:
    broken, counting = Broken(), Counting()
    together = CombinedProgress([broken, counting])
    for _ in range(3):
        together.advance(2)
    assert (broken.done, counting.done) == (2, 6)
