"""How much of the log the rest of a home has seen: a log that ends before that was lost, or put back from a copy.

Events that such a log took now would get offsets that the lake has already, and be lost without a word. So nothing is
accepted until the log is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from anabranch import Cut
from eventlog.lake.file_name import ends_by_file
from infra.errors import LogBehindError
from speed.checkpoint import Checkpoints


def check_log_reaches(home: Path, end: Callable[[], Cut], checkpoints: Checkpoints) -> None:
    """Hold the end of the log against what was made of it, by the names of files: no content can make it err.

    Parameters
    ----------
    end
        Asks where the log ends. It is asked after the files were looked at: a service may be at work meanwhile.

    Raises
    ------
    LogBehindError
        If anything in the home has seen a record that the log does not hold.
    """
    seen, path = max(_seen(home, checkpoints), default=(0, home))
    reached = end()
    if seen > reached.offsets[0]:
        raise LogBehindError(path, Cut((seen,)), reached)


def _seen(home: Path, checkpoints: Checkpoints) -> Iterator[tuple[int, Path]]:
    """(offset, file that was made of everything before it)."""
    yield from ends_by_file(home / "lake")
    for path in checkpoints.newest_first():
        if path.stem.isdecimal():
            yield int(path.stem), path
