"""How everybody else reads the speed layer.

Two ways were weighed. Handing out the state with its lock held is short to write, and makes every reader a party to the
lock: how long it is held, and what may be kept of what was seen, is then decided in twenty places. Here readers get
values instead, each true of one cut, and only `speed` knows that there is a state and a lock.

There are two implementations: `speed.live_reader`, of a fold that goes on in another thread, and
`speed.still_reader`, of a fold that has come to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from anabranch import App, Cut, Model, View
from anabranch.features.fold import FailedFeatures
from eventlog.decisions import Champions, Publication
from speed.epoch_sizes import EpochSize
from speed.tile_selection import Place, TakenTiles, TileSelection

if TYPE_CHECKING:
    from speed.learning.forecast import PendingForecast


@dataclass(frozen=True, slots=True)
class EpochBorder:
    """Where an epoch begins, and the batch run whose marker opened it; None for the first."""

    start: Cut
    run: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the fold is.

    Attributes
    ----------
    cut
        How much of the log is folded.
    publication
        The generation that answers for what lies before the first epoch; None: there is nothing before it.
    epochs
        Oldest first; never empty.
    watermarks
        The newest event time, in microseconds, by stream.
    """

    cut: Cut
    publication: Publication | None
    epochs: tuple[EpochBorder, ...]
    watermarks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ModelReport:
    """How a model does at one moment.

    Attributes
    ----------
    moment
        When.
    champions
        Its champions so far.
    learner
        What its learner tells; see `speed.learning.learner.Learner.report`.
    """

    moment: Moment
    champions: Champions
    learner: Mapping[str, Any]


ReportData = Mapping[str, Any]
"""How a model does, as plain data that one process can send to another: its ``task`` and ``metric``, the ``champions``
so far, and what its ``learner`` tells."""


@dataclass(frozen=True, slots=True)
class SpeedTiles:
    """The speed part of an answer.

    Attributes
    ----------
    cut
        How far the fold was.
    selection
        What was chosen; None: nothing can be there.
    taken
        The tiles; None: none were asked for.
    """

    cut: Cut
    selection: TileSelection | None
    taken: TakenTiles | None


Choose = Callable[[int | None], TileSelection | None]
"""Which tiles are wanted, given the newest event time of the view's stream in all that was folded, the part that the
generation covers included. Called while the fold stands still, perhaps more than once: it must be quick, and read
nothing."""


class SpeedReader(Protocol):
    """The speed layer as others see it. Every method may be called from any thread."""

    @property
    def app(self) -> App:
        """Whose views and models these are."""
        ...

    # where it is

    @property
    def cut(self) -> Cut:
        """How much of the log is folded."""
        ...

    @property
    def publication(self) -> Publication | None:
        """The generation that is served."""
        ...

    def moment(self) -> Moment:
        """Cut, publication and epochs of one moment."""
        ...

    def when_past(self, cut: Cut) -> Future[Cut]:
        """A future that is resolved with the fold's cut once that covers `cut`; cancelled if the fold ends before."""
        ...

    def lag_seconds(self) -> float:
        """How long what is not folded yet has waited, as far as is known; see `speed.lag.Lag`."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why the fold cannot go on at this moment; None: it does."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What could not be used, a sentence each, the newest few: a checkpoint, a generation, what a model had learnt.

        Nothing is wrong with what is answered; but it may have been learnt from less than it would have been.
        """
        ...

    @property
    def caught_up(self) -> bool:
        """Whether it has folded all that was there when it began."""
        ...

    @property
    def busy(self) -> bool:
        """Whether the state is locked at this moment, so that who asks now would wait a little."""
        ...

    @property
    def records_folded(self) -> int:
        """How many records this process has folded."""
        ...

    @property
    def failures_by_view(self) -> Mapping[str, int]:
        """On how many events a function of a view raised, by view, in this process."""
        ...

    # what it knows

    def tiles(
        self,
        view: View,
        keys: Mapping[str, Any],
        place: Place | None,
        choose: Choose,
        publication: Publication | None,
        *,
        take: bool = True,
    ) -> SpeedTiles | None:
        """Some tiles of a view, all at one cut.

        Parameters
        ----------
        keys
            Values by key field; with a value for every field it takes one lookup.
        place
            Only rows behind this one.
        choose
            See `Choose`.
        publication
            The generation that the caller merges them with.
        take
            False: only the cut and the selection are wanted.

        Returns
        -------
        SpeedTiles or None
            None: another generation is served by now, whose cut belongs to other epochs. Ask again with that.
        """
        ...

    def ask(self, model: Model, example: BaseModel, time_us: int | None) -> PendingForecast | FailedFeatures:
        """What a model says of an example as everything stands now, but for its champion: see `PendingForecast`.

        Parameters
        ----------
        example
            Made by ``model.example.read``.
        time_us
            When it happened; None: at the log's clock, the newest event time of its stream.

        Returns
        -------
        PendingForecast or FailedFeatures
            FailedFeatures if the features function raised.
        """
        ...

    def report_of(self, model: Model) -> ModelReport:
        """How a model does."""
        ...

    def reports(self) -> tuple[Cut, dict[str, ReportData]]:
        """A cut, and how every model does there, by name."""
        ...

    def sizes(self) -> dict[str, EpochSize]:
        """How much the epochs hold of each view; see `speed.epoch_sizes`."""
        ...
