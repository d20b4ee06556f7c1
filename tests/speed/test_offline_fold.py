from __future__ import annotations

from pathlib import Path

from anabranch import App, Cut
from eventlog.log.memory_log import MemoryLog
from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from speed.offline_fold import OfflineFold
from tests.home_key import KEY
from tests.speed.conftest import append


def test_it_goes_on_where_a_service_stopped_and_leaves_the_disk_as_it_was(app: App, tmp_path: Path) -> None:
    log = MemoryLog()
    service = Consumer(app, log, Checkpoints(tmp_path, KEY), lambda _: True)
    service.start()
    service.reader.when_past(log.append(append(3)).position).result(20)
    service.stop()
    log.append(append(4))
    before = sorted(tmp_path.iterdir())
    fold = OfflineFold(app, log, Checkpoints(tmp_path, KEY), lambda _: True, None, models=False)
    assert fold.cut == Cut((3,))
    assert sum(fold.fold_to(Cut((6,)))) == 3
    assert fold.reader().cut == Cut((6,))
    assert fold.problems == []
    assert sorted(tmp_path.iterdir()) == before
