"""How long work shows itself: bars in a terminal, one JSON line a stage otherwise."""

from __future__ import annotations

import json
import logging
import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.progress import Task as RichTask
from rich.text import Text

logger = logging.getLogger(__name__)


class _Rate(ProgressColumn):
    """Things a second, since the stage began."""

    def render(self, task: RichTask) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if not speed else f"{speed:,.0f}/s", style="cyan")


class BarProgress:
    """One bar a stage, for a person at a terminal."""

    def __init__(self, console: Console | None = None):
        self._bars = RichProgress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console or Console(stderr=True),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` steps; the one before has ended."""
        self.end()
        self._task = self._bars.add_task(name, total=total, note="")

    def advance(self, n: int = 1) -> None:
        """`n` steps more are done."""
        if self._task is not None:
            self._bars.advance(self._task, n)

    def note(self, text: str) -> None:
        """Write a word beside the bar."""
        if self._task is not None:
            self._bars.update(self._task, note=text)

    def end(self) -> None:
        """The stage has ended."""
        if self._task is not None:
            task = self._bars.tasks[self._bars.task_ids.index(self._task)]
            self._bars.update(self._task, total=max(task.completed, 1), completed=max(task.completed, 1))
            self._task = None


class LineProgress:
    """One JSON line for every stage that ended, for cron's mail and log collectors."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._done = 0
        self._total = 0
        self._started = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.end()

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` steps; the one before has ended."""
        self.end()
        self._name, self._total, self._done, self._started = name, total, 0, time.perf_counter()

    def advance(self, n: int = 1) -> None:
        """`n` steps more are done."""
        self._done += n

    def note(self, text: str) -> None:
        """Nothing: notes are for eyes."""

    def end(self) -> None:
        """The stage has ended: print its line."""
        if self._name is None:
            return
        line = {
            "stage": self._name,
            "done": self._done,
            "total": self._total,
            "seconds": round(time.perf_counter() - self._started, 3),
        }
        self.say(line)
        self._name = None

    def say(self, line: dict[str, Any]) -> None:
        """Print it."""
        print(json.dumps(line), file=sys.stderr, flush=True)


class LogProgress(LineProgress):
    """The same as lines of the log."""

    def say(self, line: dict[str, Any]) -> None:
        """Log it."""
        logger.info("stage %s ended", line["stage"], extra=line)


def progress() -> BarProgress | LineProgress:
    """Bars when stderr is a terminal, else lines."""
    return BarProgress() if sys.stderr.isatty() else LineProgress()
