"""An application: the streams, views and models of one file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from anabranch.agg.aggregate import Aggregate
from anabranch.duration import duration_us
from anabranch.errors import DefinitionError
from anabranch.label import Label
from anabranch.model import Metric, Model, Task
from anabranch.names import check_name, check_relations
from anabranch.stream import Stream
from anabranch.view import By, View

FeaturesFunction = TypeVar("FeaturesFunction", bound=Callable[..., Any])


class App:
    """The streams, views and models that belong together.

    Definitions are pure: making an application opens no file and starts nothing.

    >>> from anabranch import App, agg
    >>> class Click(BaseModel):
    ...     page: str
    >>> app = App("clicks")
    >>> clicks = app.stream("clicks", Click, key="page")
    >>> app.view("pages", of=clicks, by="page", clicks=agg.count()).key_fields
    ('page',)
    """

    def __init__(self, name: str):
        self.name = name
        self.streams: dict[str, Stream] = {}
        self.views: dict[str, View] = {}
        self.models: dict[str, Model] = {}

    @property
    def recorded(self) -> dict[str, Mapping[str, str]]:
        """By stream, what is remembered of fields that stored events lack; see `Stream.recall`."""
        return {name: stream.stored.recorded for name, stream in self.streams.items()}

    def recall(self, recorded: Mapping[str, Mapping[str, str]]) -> App:
        """Be told what another process knows as `recorded`; returns itself."""
        for name, of_stream in recorded.items():
            self.streams[name].recall(of_stream)
        return self

    def stream(
        self,
        name: str,
        model: type[BaseModel],
        *,
        id: str | None = None,  # noqa: A002 (the word of the design)
        key: str | None = None,
        time: str | None = None,
    ) -> Stream:
        """Define a stream: a pydantic model and the names of its id, key and time fields.

        Without `id` nothing is deduplicated; without `time` an event happens when it is appended.
        """
        location = _caller()
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise DefinitionError(
                f"stream {name!r}", f"{model!r} is not a pydantic model", "Pass a subclass of BaseModel", location
            )
        check_name(f"stream {name!r}", name, self.streams, location)
        self.streams[name] = Stream(name, model, id=id, key=key, time=time, location=location)
        return self.streams[name]

    def view(
        self,
        name: str,
        *,
        of: Stream,
        by: By = (),
        tile: str | None = None,
        keep: str | None = None,
        where: Callable[[Any], object] | None = None,
        **aggregates: Aggregate,
    ) -> View:
        """Define a view: aggregates of a stream by key and, with `tile`, by time.

        Parameters
        ----------
        of
            A stream of this application.
        by
            A field, a tuple of fields, or a function ``event -> key | list of keys``. Absent: one key for all.
        tile
            The width of a time bucket, like ``"1h"``. Absent: one tile for all time.
        keep
            How long tiles are kept, like ``"90d"``, counted back from the newest event time. Absent: for ever.
        where
            A function of the event: only events for which it is true count.
        aggregates
            From the module `agg`, by name.
        """
        location = _caller()
        where_ = f"view {name!r}"
        if not isinstance(of, Stream) or self.streams.get(of.name) is not of:
            raise DefinitionError(where_, f"of={of!r} is not a stream of app {self.name!r}", "Pass of=", location)
        check_name(where_, name, self.views, location)
        check_relations(where_, name, self.views, location)
        widths: dict[str, int | None] = {}
        for word, text in (("tile", tile), ("keep", keep)):
            try:
                widths[word] = None if text is None else duration_us(text)
            except ValueError as error:
                raise DefinitionError(where_, f"{word}={text!r} is no duration", str(error), location) from None
        if keep is not None and tile is None:
            raise DefinitionError(where_, "keep= needs tiles to drop", 'Add tile=, like tile="1h"', location)
        self.views[name] = View(
            name, of, by, aggregates, tile_us=widths["tile"], keep_us=widths["keep"], where=where, location=location
        )
        return self.views[name]

    def model(
        self,
        name: str,
        *,
        on: Stream,
        label: str | Label,
        task: Task,
        batch: Callable[[], Any],
        speed: Callable[[], Any],
        metric: Metric | None = None,
        blend: str | Callable[[], Any] = "hedge",
        tolerance: float = 0.02,
        holdout: float = 0.2,
        seed: int = 0,
        retrain_on_drift: bool = False,
        cooldown: str = "1d",
    ) -> Callable[[FeaturesFunction], FeaturesFunction]:
        """Define a model by decorating its features function.

        The function receives an event, its label removed, and `views`, which answers with the state just before this
        event in the log: ``views.usage(station=event.station, last="24h").minutes``. It returns features by name:
        numbers, booleans, texts (categories) and None.

        Parameters
        ----------
        on
            A stream of this application, whose events are the examples.
        label
            A field of the event, or a `Label` that arrives later in another stream.
        task
            ``"regression"``, ``"binary"`` or ``"multiclass"``.
        batch
            Makes an estimator in the manner of scikit-learn; or a list of them, or a dict by name: the best wins.
        speed
            Makes a model of River; or a dict of them by name.
        metric
            ``"squared_error"`` (absent, in a regression), ``"absolute_error"``, or ``"log_loss"`` in a classification.
        blend
            How the predictions become one: ``"hedge"``, ``"mean"``, ``"batch"``, ``"speed"``, or a class that extends
            `speed.blend.Blend`.
        tolerance
            How much worse than the champion on the holdout, relatively, a new version may be and still be promoted.
        holdout
            Which part of the rows, the newest, is held out.
        seed
            Of everything random in training.
        retrain_on_drift, cooldown
            Whether a drift alarm starts a batch run; at most one per `cooldown`.
        """
        location = _caller()
        where = f"model {name!r}"
        for stream in (on, label.stream) if isinstance(label, Label) else (on,):
            if not isinstance(stream, Stream) or self.streams.get(stream.name) is not stream:
                raise DefinitionError(where, f"{stream!r} is not a stream of app {self.name!r}", "Pass on=", location)
        try:
            cooldown_us = duration_us(cooldown)
        except (ValueError, TypeError) as error:
            raise DefinitionError(where, f"cooldown={cooldown!r} is no duration", str(error), location) from None
        if metric is None:
            metric = "squared_error" if task == "regression" else "log_loss"

        def define(features: FeaturesFunction) -> FeaturesFunction:
            check_name(where, name, self.models, location)
            self.models[name] = Model(
                name,
                on,
                label,
                task,
                features,
                batch,
                speed,
                metric,
                blend,
                tolerance,
                holdout,
                seed,
                retrain_on_drift,
                cooldown_us,
                self.views,
                location,
            )
            return features

        return define

    def views_of(self, stream: str) -> list[View]:
        """The views of a stream."""
        return [view for view in self.views.values() if view.of.name == stream]

    def models_of(self, stream: str) -> list[Model]:
        """The models whose examples are the events of a stream."""
        return [model for model in self.models.values() if model.on.name == stream]


def _caller() -> str:
    """``file:line`` of the line in the application file."""
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
