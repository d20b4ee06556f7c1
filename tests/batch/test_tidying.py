"""What a run drops once it has published, and what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch import Cut
from batch.archive import archive
from batch.errors import CorruptGenerationError
from batch.manifest import blobs_of
from batch.tidying import MERGED_KEPT_US
from eventlog.clock import now_us
from eventlog.registry.replicas import SILENT_US, Need, OwnReplica, Replicas
from tests.batch.conftest import LONG, Home
from tests.batch.rides import rides
from tests.batch.views.test_roads import assert_same, folded


def test_the_newest_generations_are_kept_and_what_is_old_goes_with_all_that_it_names(home: Home) -> None:
    for seed in range(5):
        home.post("rides", rides(5, seed=seed))
        home.run()
        home.age()
    assert home.stored() == [3, 4, 5]
    home.run()
    assert home.stored() == [4, 5, 6]
    named = {blob.name for number in (4, 5, 6) for blob in blobs_of(home.open(number).manifest)}
    assert {f"blobs/{path.name}" for path in (home.path / "blobs").iterdir()} == named


def test_what_is_younger_than_a_day_stays(home: Home) -> None:
    for _ in range(5):
        home.run()
    assert home.stored() == [1, 2, 3, 4, 5]


def test_what_a_replica_needs_is_kept_until_it_was_silent_for_a_month(home: Home) -> None:
    replicas = Replicas(home.database, home.clock)
    for _ in range(2):
        home.run(replicas=replicas)
    folds_elsewhere = OwnReplica(replicas, home.path, "another-machine/1:1:1")
    folds_elsewhere.tell(Need(home.log.end().offsets[0], 2))
    for _ in range(5):
        home.age()
        home.run(replicas=replicas)
    for number in (2, 3, 4, 5, 6, 7):
        home.open(number).close()
    with pytest.raises(CorruptGenerationError):
        home.open(1)
    home.now += SILENT_US
    outcome = home.run(replicas=replicas)
    assert "is forgotten" in str(outcome.problems)
    assert str(folds_elsewhere.id) in str(outcome.problems)
    for number in (2, 3, 4, 5):
        with pytest.raises(CorruptGenerationError):
            home.open(number)
    assert home.run(replicas=replicas).problems == []


def test_a_replica_that_needs_what_is_gone_already_keeps_nothing_else_from_being_collected(home: Home) -> None:
    replicas = Replicas(home.database, home.clock)
    home.run(replicas=replicas)
    for _ in range(3):
        home.age()
        home.run(replicas=replicas)
    assert home.stored() == [2, 3, 4]
    OwnReplica(replicas, home.path, "another-machine/1:1:1").tell(Need(home.log.end().offsets[0], 1))
    for _ in range(2):
        home.age()
        assert home.run(replicas=replicas).problems == []
    assert home.stored() == [4, 5, 6]


def test_old_archived_records_leave_the_hot_log_and_are_still_there(home: Home) -> None:
    home.post("rides", rides(40))
    home.run()
    home.now += LONG
    home.post("rides", rides(10, seed=1))
    assert home.log.begin() == Cut((0,))
    home.run(retention_us=LONG // 2)
    assert home.log.begin() == Cut((42,))
    home.run(full=True)
    assert_same(home.served(3)["in_sql"], folded(home, home.app.views["in_sql"]))


def test_small_files_of_the_lake_are_merged_after_the_publication_and_nothing_is_answered_otherwise(home: Home) -> None:
    for seed in range(10):
        home.post("rides", rides(5, seed=seed))
        archive(home.log, home.lake, home.app, home.log.end(), lambda records: None)
    whole = list(home.lake.read_stream("rides", 0, 50))
    assert not home.run().problems
    assert len(home.lake.files("rides", 0, 50)) == 1
    assert [record for found in home.lake.read_stream("rides", 0, 50) for record in found.records()] == [
        record for found in whole for record in found.records()
    ]
    first = home.served(1)
    home.run(full=True)
    again = home.served(2)
    for view in home.app.views.values():
        assert_same(first[view.name], again[view.name])


def test_merged_files_stay_for_a_day_and_until_a_publication_after_the_merge(home: Home) -> None:
    """Snapshots for analysts look which files there are after every publication."""
    for seed in range(10):
        home.post("rides", rides(5, seed=seed))
        archive(home.log, home.lake, home.app, home.log.end(), lambda records: None)
    old = [Path(path) for path in home.lake.files("rides", 0, 50)]
    home.run()
    home.now = now_us() + 2 * MERGED_KEPT_US
    home.run()
    assert all(path.exists() for path in old), "the last publication was before the merge"
    home.run()
    assert not any(path.exists() for path in old)
    home.lake.check_whole(50)
