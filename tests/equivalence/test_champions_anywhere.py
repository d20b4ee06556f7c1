"""Who is champion, in every layer and from wherever it recovered: the same after any decisions."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from anabranch import Cut
from eventlog.decisions import (
    BatchFailed,
    BatchStarted,
    Champions,
    DriftDetected,
    ModelPromoted,
    ModelRolledBack,
    Publication,
    champions_by_model,
    decisions,
    publications,
)
from eventlog.log.memory_log import MemoryLog
from serving.models.model_status import ModelStatus
from speed.checkpoint import Checkpoints
from speed.fold import apply
from speed.learners import new_learners
from speed.recovery import recover
from speed.state import CanServe, SpeedState
from speed.still_reader import StillReader
from tests.home_key import KEY
from tests.speed.learning.learner_world import FixedLayer, make_app

MODEL = "minutes"
APP = make_app()
VERSIONS = range(1, 7)
promotes = st.booleans()
version = st.sampled_from(VERSIONS)
step = st.one_of(
    st.tuples(
        st.just("run"), promotes, st.lists(st.tuples(st.sampled_from(["promote", "roll back"]), version), max_size=2)
    ),
    st.tuples(st.sampled_from(["promote", "roll back"]), version),
    st.tuples(st.sampled_from(["fail", "drift", "unknown"])),
)


class Decided:
    """A log of decisions, and a few lines of plain Python that say who is champion."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.generation = 0
        self.line: list[int] = []

    def take(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("run", promotes, meanwhile):
                self.generation += 1
                number = self.generation
                cut = Cut((self.log.mark(BatchStarted(f"r{number}").event()),))
                for other in meanwhile:  # decided while the run was at work: behind its cut, before its publication
                    self.take(other)
                promoted = {MODEL: number} if promotes else {}
                self.log.mark(Publication(number, cut, "", f"r{number}", promoted).event())
                if promotes and self.line[-1:] != [number]:
                    self.line.append(number)
            case ("promote", version):
                self.log.mark(ModelPromoted(MODEL, version, None).event())
                if self.line[-1:] != [version]:
                    self.line.append(version)
            case ("roll back", version):
                self.log.mark(ModelRolledBack(MODEL, version, None).event())
                if self.line[-2:-1] == [version]:
                    self.line.pop()
                elif self.line[-1:] != [version]:
                    self.line.append(version)
            case ("fail",):
                self.log.mark(BatchStarted("x").event())
                self.log.mark(BatchFailed("x", "").event())
            case ("drift",):
                self.log.mark(DriftDetected(MODEL, 0, "ADWIN").event())
            case _:
                self.log.mark({"kind": "model_blessed", "model": MODEL, "version": 9})


def folded(state: SpeedState, log: MemoryLog, can_serve: CanServe, stop: int | None = None) -> SpeedState:
    """The state, folded on to the end of the log, or to `stop`."""
    for segment in log.read(state.cut):
        if stop is None or segment.end <= stop:
            apply(state, segment, APP, can_serve, lambda _: FixedLayer(*VERSIONS))
    return state


def told(state: SpeedState) -> tuple[Champions, int | None]:
    """What the API tells."""
    report = StillReader(APP, state).report_of(APP.models[MODEL])
    status = ModelStatus(APP.models[MODEL], report.champions, report.learner, [], {}, {})
    assert status.champion == report.learner["champion"] == report.champions.present
    return report.champions, status.champion


@given(st.lists(step, max_size=12), st.data())
def test_all_layers_name_the_same_champions(steps: list[tuple[Any, ...]], data: st.DataObject) -> None:
    decided = Decided()
    for one in steps:
        decided.take(one)
    log = decided.log
    expected = Champions(tuple(decided.line))

    of_batch = champions_by_model(decisions(log)).get(MODEL, Champions())
    assert of_batch == expected

    served = data.draw(st.sampled_from([None, *(p.generation for p in publications(log))]), "generation")

    def fresh(state: SpeedState) -> SpeedState:
        state.learners = {**new_learners(APP), **state.learners}
        state.attach_generation(APP, lambda _: FixedLayer(*VERSIONS))
        return state

    def can_serve(publication: Publication) -> bool:
        return publication.generation == served

    whole = folded(fresh(SpeedState()), log, can_serve)
    assert told(whole) == (expected, expected.present)

    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder), KEY)
        begun = recover(
            APP, log, checkpoints, can_serve, lambda _: FixedLayer(*VERSIONS)
        )  # a generation, or the beginning
        assert told(folded(fresh(begun.state), log, can_serve)) == (expected, expected.present)
        stop = data.draw(st.integers(0, log.end().offsets[0]), "stop")
        checkpoints.save(folded(fresh(SpeedState()), log, can_serve, stop), APP)
        kept = recover(APP, log, checkpoints, can_serve, lambda _: FixedLayer(*VERSIONS))
        assert kept.from_checkpoint
        assert told(folded(fresh(kept.state), log, can_serve)) == (expected, expected.present)
