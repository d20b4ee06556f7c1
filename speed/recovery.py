"""Where to begin after a stop, however it came.

========================================  ===========================================================
what is found, newest first               what the fold begins with
========================================  ===========================================================
anything that cannot be read now (a       nothing yet: it raises, and the fold asks again, since a model would not
disk or a store that is away)             learn anew what was left aside
an intact checkpoint of these             that state
definitions, its generation intact
an intact checkpoint without generation   that state
a checkpoint that has folded an event     the next older one
which was taken out of the log since
a torn, altered or foreign checkpoint     the next older one
a checkpoint whose generation is broken   the next older one
none of these in the home, one in the     that state
store that a home of the same key shared
no usable checkpoint                      the newest generation that is intact and of these definitions
no usable generation either               the beginning of the log
========================================  ===========================================================

Every row is exact for views: the fold depends on the log alone. They differ in how much is folded again. A model learns
from where its fold began, so that it goes on exactly from a checkpoint, and begins anew in the last two rows. What
could not be used is named in `Recovery.problems`, never served.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anabranch import App, Cut
from anabranch.watermarks import joined
from eventlog.decisions import Publication, champions_by_model, decisions, publications
from eventlog.decisions.champions import ChampionsByModel
from eventlog.log import Log
from speed.base_layer import BaseLayer
from speed.checkpoint import Checkpoints
from speed.errors import CheckpointError
from speed.state import CanServe, SpeedState


@dataclass(frozen=True, slots=True)
class Recovery:
    """Where the fold begins, and what it had to leave aside.

    Attributes
    ----------
    state
        The state to go on from.
    source
        What it comes from, for people.
    problems
        One sentence for each thing that should have been usable and was not.
    from_checkpoint
        Whether the state was kept.
    """

    state: SpeedState
    source: str
    problems: list[str]
    from_checkpoint: bool = False


def recover(
    app: App,
    log: Log,
    checkpoints: Checkpoints,
    can_serve: CanServe,
    published: Callable[[Publication], BaseLayer] | None,
) -> Recovery:
    """Decide by the table above.

    Parameters
    ----------
    published
        Opens a generation that was adopted, to learn its watermarks. None: where there are no generations.

    Raises
    ------
    LogUnavailableError
        If the log cannot be read now.
    StoreUnavailableError, OSError, MemoryError
        If a checkpoint or a generation cannot be read now. Nothing is decided.
    """
    retracted = frozenset(log.retracted())
    recovery = _recovered(app, log, checkpoints, can_serve, retracted)
    state = recovery.state
    state.left_out = retracted  # of what it has folded it holds none, and of what comes the log hands out none
    if state.publication is not None and published is not None:
        # also behind a checkpoint: earlier releases kept ones that had begun at a generation without its watermarks
        state.watermarks = joined(state.watermarks, published(state.publication).watermarks(app))
    return recovery


def _recovered(
    app: App, log: Log, checkpoints: Checkpoints, can_serve: CanServe, retracted: frozenset[int]
) -> Recovery:
    problems: list[str] = []

    def champions_at(cut: Cut) -> ChampionsByModel:
        return champions_by_model(decisions(log, cut))

    for path in checkpoints.candidates():
        try:
            state = checkpoints.load(path, app)
        except CheckpointError as error:
            problems.append(str(error))
            continue
        if not log.end().covers(state.cut):
            problems.append(f"checkpoint {path.name}: it has seen more than the log holds ({log.end()})")
        elif held := state.holds(retracted):
            told = ", ".join(f"0:{offset}" for offset in held[:3])
            problems.append(f"checkpoint {path.name}: it holds events that were taken out of the log since ({told})")
        elif state.publication is not None and not can_serve(state.publication):
            problems.append(f"checkpoint {path.name}: its generation {state.publication.generation} cannot be served")
        else:
            return Recovery(state, f"checkpoint {path.name}", problems, from_checkpoint=True)
    for publication in publications(log):
        if can_serve(publication):
            state = SpeedState.after(publication, champions_at(publication.cut))
            return Recovery(state, f"generation {publication.generation}", problems)
        problems.append(f"generation {publication.generation} cannot be served")
    return Recovery(SpeedState(), "the beginning of the log", problems)
