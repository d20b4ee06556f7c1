"""The one seam to what is judged: what a service that started now would answer, at one cut.

Everything else in this folder knows the log and the definitions only, so that an error of the layers cannot be an
error of their judge, too; a test holds this. The answers come from the very code that answers over HTTP, over a fold
that goes on from where a service would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from anabranch import Cut, View
from batch.errors import CorruptGenerationError
from batch.generations import Generations
from eventlog.log.segment import Segment
from infra.composition import Process
from infra.verify.comparison import Answer
from serving.answers.selection import LIMIT_MOST, ViewQueries
from serving.answers.view_reading import ViewReader
from speed.consumer import Consumer
from speed.fold import apply
from speed.recovery import publications, recover
from speed.state import SpeedState


@dataclass(frozen=True, slots=True)
class Served:
    """What a service that started now would answer. Made by `served`.

    Attributes
    ----------
    generation
        The number of the one that answers for the batch part; None: there is none.
    damaged
        Files of the newest generation that are not what was published, a sentence each.
    warnings
        What else could not be used; answers do not depend on it.
    """

    generation: int | None
    damaged: list[str]
    warnings: list[str]
    _state: SpeedState
    _generations: Generations

    def answers(self, view: View) -> Iterator[Answer]:
        """Every row that the merged view answers, page by page, by key and tile."""
        reader = ViewReader(cast("Consumer", _Still(self._state)), self._generations)
        queries = ViewQueries(view)
        query = queries.read(f"limit={LIMIT_MOST}".encode())
        while True:
            reading = reader.read(view, query)
            for key, tile, cells in reading.rows:
                yield key, tile, view.present(cells)
            if reading.next is None:
                return
            query = queries.read(f"limit={LIMIT_MOST}&next={reading.next}".encode())


def served(process: Process, read: Callable[[Cut], Iterator[Segment]]) -> Served:
    """Fold up to the end as a service that starts would, from the newest state that can be used.

    Parameters
    ----------
    read
        The log from a cut to the end that is verified.
    """
    damaged = _damaged(process)
    recovery = recover(process.app, process.log, process.checkpoints, process.adopt)
    state = recovery.state
    state.learners = {}  # views are verified; learning again would only cost time
    for segment in read(state.cut):
        apply(state, segment, process.app, process.adopt)
    warnings = [problem for problem in dict.fromkeys(recovery.problems + process.problems) if problem not in damaged]
    generation = None if state.publication is None else state.publication.generation
    return Served(generation, damaged, warnings, state, process.generations)


def _damaged(process: Process) -> list[str]:
    """What is wrong with the newest generation, on which the answers of a service that starts now would rest."""
    newest = max(publications(process.log), key=lambda publication: publication.generation, default=None)
    if newest is not None:
        try:
            process.generation(newest)
        except CorruptGenerationError as error:
            return [str(error)]
    return []


class _Still:
    """A consumer that stands still at one state."""

    def __init__(self, state: SpeedState):
        self._state = state
        self.publication = state.publication

    @contextmanager
    def reading(self) -> Iterator[SpeedState]:
        """The state."""
        yield self._state
