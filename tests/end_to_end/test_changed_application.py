"""A changed application goes live on a long log: docs/operations.md, "Changing an application"."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tests.end_to_end.conftest import APPLICATION, ride
from tests.service import Service


def test_a_batch_run_of_the_changed_file_comes_first_while_the_old_service_goes_on(tmp_path: Path) -> None:
    changed = tmp_path / "changed.py"
    changed.write_text(APPLICATION.read_text() + '\napp.view("riders", of=rides, by="rider", n=agg.count())\n')
    with closing(Service(APPLICATION, tmp_path / "home")) as old:
        old.start()
        old.post("rides", [ride(n) for n in range(300)])
        with closing(Service(changed, tmp_path / "home")) as new:
            assert new.batch().wait(300) == 0
            position = old.post("rides", [ride(n) for n in range(300, 350)])["position"]
            assert sum(row["n"] for row in old.rows("hourly", position)) == 350
            assert old.client.get("/readyz").json()["generation"] == 1
            old.stop()
            new.start()
            assert sum(row["n"] for row in new.rows("riders", position)) == 350
            ready = new.client.get("/readyz").json()
            assert f"goes on from generation 1, at {ready['batch_cut']}" in new.output.read_text()
