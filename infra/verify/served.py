"""The one seam to what is judged: what a service that started now would answer, at one cut.

Everything else in this folder knows the log and the definitions only, so that an error of the layers cannot be an
error of their judge, too; a test holds this. The answers come from the very code that answers over HTTP, over a fold
that goes on from where a service would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anabranch import Cut, View
from batch.errors import CorruptGenerationError
from batch.generations import Generations
from eventlog.decisions import publications
from infra.composition import Process
from infra.progress_display import BarProgress, LineProgress
from infra.verify.comparison import Answer
from serving.answers.selection import LIMIT_MOST, ViewQueries
from serving.answers.view_reading import ViewReader
from speed.offline_fold import OfflineFold
from speed.reader import SpeedReader


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
    _speed: SpeedReader
    _generations: Generations

    def answers(self, view: View) -> Iterator[Answer]:
        """Every row that the merged view answers, page by page, by key and tile."""
        reader = ViewReader(self._speed, self._generations)
        queries = ViewQueries(view)
        query = queries.read(f"limit={LIMIT_MOST}".encode())
        while True:
            reading = reader.read(view, query)
            for key, tile, cells in reading.rows:
                yield key, tile, view.present(cells)
            if reading.next is None:
                return
            query = queries.read(f"limit={LIMIT_MOST}&next={reading.next}".encode())


def served(process: Process, end: Cut, shown: BarProgress | LineProgress) -> Served:
    """Fold up to `end` as a service that starts would, from the newest state that can be used."""
    damaged = _damaged(process)
    parts = process.app, process.log, process.checkpoints, process.can_serve, process.published_layer
    fold = OfflineFold(*parts, models=False)  # views alone are verified
    shown.stage("fold", end.offsets[0] - fold.cut.offsets[0])
    for records in fold.fold_to(end):
        shown.advance(records)
    reader = fold.reader()
    warnings = [problem for problem in dict.fromkeys(fold.problems + process.problems) if problem not in damaged]
    generation = None if reader.publication is None else reader.publication.generation
    return Served(generation, damaged, warnings, reader, process.generations)


def _damaged(process: Process) -> list[str]:
    """What is wrong with the newest generation, on which the answers of a service that starts now would rest."""
    newest = next(iter(publications(process.log)), None)
    if newest is not None:
        try:
            process.generation(newest)
        except CorruptGenerationError as error:
            return [str(error)]
    return []
