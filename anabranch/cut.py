"""The cut: how much of the log something has seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cut:
    """For each partition the first offset *not* included.

    Written ``partition:offset``, several joined by commas. The positions that HTTP answers carry are cuts.

    >>> cut = Cut.parse("0:1234")
    >>> cut.covers(Cut((1233,))), cut.covers(Cut((1235,))), str(cut)
    (True, False, '0:1234')
    """

    offsets: tuple[int, ...] = (0,)

    @classmethod
    def parse(cls, text: str) -> Cut:
        """Read ``0:1234``; raises `ValueError` that says what a position looks like."""
        try:
            pairs = [part.split(":") for part in text.split(",")]
            offset_by_partition = {int(partition): int(offset) for partition, offset in pairs}
            offsets = tuple(offset_by_partition[partition] for partition in range(len(pairs)))
        except (ValueError, KeyError):
            raise ValueError(f"{text!r} is not a position; one looks like '0:1234' (partition:offset)") from None
        if any(not 0 <= offset < 2**63 for offset in offsets):
            raise ValueError(f"{text!r} is not a position: an offset is a whole number from 0 on")
        return cls(offsets)

    def covers(self, other: Cut) -> bool:
        """Whether everything that `other` has seen, this cut has seen too."""
        return len(self.offsets) >= len(other.offsets) and all(
            mine >= theirs for mine, theirs in zip(self.offsets, other.offsets, strict=False)
        )

    def __str__(self) -> str:
        return ",".join(f"{partition}:{offset}" for partition, offset in enumerate(self.offsets))
