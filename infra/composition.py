"""The composition root: all that a process is made of, from the settings. Commands and tests use the same one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

from anabranch import App, Model, load_app
from batch.errors import GenerationError
from batch.generation import Generation
from batch.generations import Generations
from eventlog.clock import Clock, SteadyClock, now_us
from eventlog.counting.event_counts import EventCounts
from eventlog.decisions import Publication
from eventlog.errors import EventLogError, LogReadOnlyError
from eventlog.home_key import HomeKey
from eventlog.identity.fit import Seen, joined, misfit_of
from eventlog.log.misfit import Misfit
from eventlog.log.sql_log import SqlLog
from eventlog.registry.database import Database
from eventlog.registry.dead_letters import DeadLetters
from eventlog.registry.leases import Leases
from eventlog.registry.replicas import OwnReplica, Replicas
from eventlog.registry.runs import Runs
from eventlog.registry.schemas import Schemas
from eventlog.store import Store
from eventlog.store.blobs import Blobs
from eventlog.store.errors import StoreDeniedError, StoreUnavailableError
from eventlog.store.opening import open_store
from eventlog.store.probe import check_store
from eventlog.store.store import LAKE
from infra.errors import UsageError
from infra.home import OWNERS_ALONE, masked, prepared, store_folder
from infra.published_layer import PublishedLayer
from infra.settings import Settings
from infra.take_over import take_over_generations
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from speed.shared_checkpoints import SharedCheckpoints

if TYPE_CHECKING:
    from eventlog.lake import Lake

logger = logging.getLogger(__name__)


class Process:
    """What a process is made of. Made by `opened`; nothing is started.

    Attributes
    ----------
    settings
        What it was made from.
    home
        The directory on disk, as an absolute path.
    umask
        The umask of the user, for files outside of the home; those in it are made for their owner alone.
    store, blobs, database, log, counts, lake, leases, replicas, runs, schemas, dead_letters, generations, key,
    checkpoints
        The parts, each as its own package describes it.
    pickles
        The key, where models may be pickles; None: they may not.
    clock
        Microseconds since 1970: a steady clock, unless another was given.
    """

    def __init__(self, settings: Settings, home: Path, umask: int, clock: Clock | None):
        self.settings = settings
        self.home = home
        self.umask = umask
        shared_clock = clock or now_us  # for what machines share: none knows the others' leaps
        self.clock = clock = clock or SteadyClock(home / "clock.json")
        self.store = _store(settings, home)
        self.blobs = Blobs(self.store, home / "cache", settings.cache_bytes)
        self.database = _database(settings)
        self.lake = cast("Lake", _LakeOnDemand(self.blobs, lambda: self.log.id))
        self.log = SqlLog(self.database, self.lake, clock, settings.letter_bounds)
        self.counts = EventCounts(self.database, self.lake)
        self.leases = Leases(self.database, shared_clock)
        self.replicas = Replicas(self.database, shared_clock)
        self.runs = Runs(self.database, clock)
        self.schemas = Schemas(self.database, clock)
        self.dead_letters = DeadLetters(self.database, clock, settings.letter_bounds)
        self.key = _key(settings, self.home)
        self.pickles = self.key if settings.pickle_models else None
        self.generations = Generations(self.blobs, self.pickles)
        self.checkpoints = Checkpoints(self.home / "checkpoints", self.key, self.log, _shared(settings, self.store))
        self.problems: list[str] = []
        """What `can_serve` found wrong, a sentence each."""
        self._servable: dict[tuple[int, str, int], bool] = {}
        self._layer_by_generation: dict[int, PublishedLayer] = {}
        self._opening = Lock()

    @cached_property
    def app(self) -> App:
        """The application, its streams registered.

        Raises
        ------
        DefinitionError, SchemaChangedError
            If it cannot be loaded, or the stored events do not fit it.
        LogUnavailableError
            If the log cannot answer now.
        """
        app = load_app(self.settings.app_reference)
        try:
            self.check_fit()
        except StoreUnavailableError as error:  # `infra.fit_watch` asks again
            logger.warning("whether the store fits the log is not known yet: %s", error)
        if self.log.misfit is None:
            self.schemas.register(app, self.log, self.lake)
        else:
            self._register_as_far_as_it_goes(app)
        return app

    def check_fit(self, *, thorough: bool = False) -> Misfit | None:
        """Hold the store and the checkpoints against the log, which takes nothing where they do not fit.

        See `eventlog.identity.fit`.
        """
        seen = [Seen(end, str(path)) for end, path in self.checkpoints.ends()]
        self.log.misfit = misfit_of(self.log, self.store, self.lake, seen, thorough=thorough)
        return self.log.misfit

    def settle(self, *, archiving: bool = False) -> None:
        """Have a store that fits belong to the log from now on; `archiving`: something is about to be archived there.

        Raises
        ------
        LogReadOnlyError
            If `archiving`, and it does not fit.
        """
        if self.log.misfit is None:
            archived = archiving or next(iter(self.store.list(LAKE)), None) is not None
            self.log.misfit = joined(self.log, self.store, archiving=archived)
        if archiving and self.log.misfit is not None:
            raise LogReadOnlyError(self.log.misfit)

    def _register_as_far_as_it_goes(self, app: App) -> None:
        """Tell the streams what is known of their schemas, which reading needs; that it can be checked is not sure."""
        try:
            self.schemas.register(app, self.log, self.lake)
        except EventLogError as error:
            logger.warning("the schemas could not be checked: %s", error)

    def check_store(self, *, may_be_away: bool) -> None:
        """Hold the store to what it must do; see `eventlog.store.probe`.

        Parameters
        ----------
        may_be_away
            Whether a store that cannot be reached now is only logged: whoever asks goes on without it, and waits.

        Raises
        ------
        StoreUnfitError, StoreDeniedError, StoreUnavailableError
            If it cannot be used.
        """
        try:
            check_store(self.store)
        except StoreUnavailableError as error:
            if not may_be_away or isinstance(error, StoreDeniedError):
                raise
            logger.warning("%s", error)

    def consumer(self, on_drift: Callable[[Model, int], None] = lambda model, time: None) -> Consumer:
        """A consumer that was not started.

        Raises
        ------
        DefinitionError
            If a model of the application makes no learners that can be used.
        """
        return Consumer(
            self.app,
            self.log,
            self.checkpoints,
            self.can_serve,
            checkpoint_seconds=self.settings.checkpoint_seconds,
            checkpoint_records=self.settings.checkpoint_records,
            clock=self.clock,
            published=self.published_layer,
            on_drift=on_drift,
            tell_need=OwnReplica(self.replicas, self.home).tell,
        )

    def keep_needs(self) -> None:
        """Have a batch run keep what this home needs, though no service of this release has told that yet."""
        need = self.checkpoints.need()
        if need is not None:
            OwnReplica(self.replicas, self.home).tell_first(need)

    def published_layer(self, publication: Publication) -> PublishedLayer:
        """What the speed layer asks of a generation that can be served."""
        with self._opening:
            known = self._layer_by_generation.get(publication.generation)
            generation = self.generation(publication)
            if known is None or known.generation is not generation:
                self._layer_by_generation = {publication.generation: PublishedLayer(generation)}
            return self._layer_by_generation[publication.generation]

    def can_serve(self, publication: Publication) -> bool:
        """Whether a generation can be served: intact, and of the application's definitions. Decided once.

        Raises
        ------
        StoreUnavailableError, OSError, MemoryError
            If that cannot be told now. Nothing is decided: it has to be asked again.
        """
        with self._opening:
            # asked anew once an event is taken out that it may cover
            known = (publication.generation, publication.manifest_sha256, len(self.log.retracted()))
            if known not in self._servable:
                self._servable[known] = self._can_be_served(publication)
            return self._servable[known]

    def _can_be_served(self, publication: Publication) -> bool:
        try:
            generation = self.generation(publication)
            # open before anything is decided: what cannot be opened now is no generation to fold on
            generation.hold(view for view in self.app.views.values() if generation.extends(view))
        except GenerationError as error:
            return self._reject(str(error))
        held = generation.holds(self.log.retracted())
        if held:
            return self._reject(
                f"generation {publication.generation} covers events that were taken out of the log since"
                f" ({', '.join(f'0:{offset}' for offset in held[:3])}); a batch run recomputes it"
            )
        lacking = [name for name, view in self.app.views.items() if not generation.extends(view)]
        if lacking:
            return self._reject(
                f"generation {publication.generation} has other definitions of {', '.join(lacking)};"
                " a batch run recomputes them"
            )
        self.generations.forget(publication.generation - 1)  # a long read may still be at the one before
        return True

    def generation(self, publication: Publication) -> Generation:
        """The generation that a publication announced; raises `GenerationError`."""
        return self.generations.get(publication)

    def _reject(self, problem: str) -> bool:
        logger.warning("%s", problem)
        self.problems.append(problem)
        return False

    def close(self) -> None:
        """Close every part, the log first: what is queued is committed."""
        self.log.close()
        self.generations.close()
        self.database.close()


def _database(settings: Settings) -> Database:
    try:
        return Database(settings.database_url)
    except (ValueError, ImportError) as error:
        raise UsageError(f"ANABRANCH_DATABASE: {error}") from None


def _store(settings: Settings, home: Path) -> Store:
    where = settings.store
    if where is None or "://" not in where:
        return open_store(home if where is None else store_folder(where))
    try:
        return open_store(where)
    except ValueError as error:  # the library misses something, such as the name of an account
        raise UsageError(f"ANABRANCH_STORE: {error}") from None


def _shared(settings: Settings, store: Store) -> SharedCheckpoints | None:
    """The checkpoints that homes share: with one store and one key, since whoever has the key may run code by them."""
    return None if settings.store is None or settings.home_key is None else SharedCheckpoints(store)


def _key(settings: Settings, home: Path) -> HomeKey:
    given = settings.home_key
    return HomeKey.of(home) if given is None else HomeKey(given.get_secret_value().encode())


class _LakeOnDemand:
    """A lake that is loaded when it is asked: Arrow and Delta Lake are large, and `up` seldom needs them."""

    def __init__(self, blobs: Blobs, log_id: Callable[[], str]):
        self._blobs = blobs
        self._log_id = log_id

    @cached_property
    def _lake(self) -> Lake:
        from eventlog.lake import Lake

        return Lake(self._blobs, self._log_id)

    def __getattr__(self, name: str) -> object:
        return getattr(self._lake, name)


@contextmanager
def opened(settings: Settings, clock: Clock | None = None) -> Iterator[Process]:
    """The parts of a process, closed at the end."""
    home = prepared(settings.home)
    with masked(OWNERS_ALONE) as umask, closing(Process(settings, home, umask, clock)) as process:
        take_over_generations(home, process.store, process.log)
        yield process
