"""A service that ends, and one that starts with little in its hot log: nobody notices."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.end_to_end.conftest import APPLICATION, ride
from tests.service import Service


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_a_checkpoint_of_everything(service: Service, number: signal.Signals) -> None:
    service.start()
    position = service.post("rides", [ride(n) for n in range(50)])["position"]
    assert service.rows("ever", position)
    assert service.process is not None
    service.process.send_signal(number)
    assert service.process.wait(15) == 0
    service.process = None
    assert f"{int(position.split(':')[1]):020d}.checkpoint" in {p.name for p in service.home.glob("checkpoints/*")}
    assert "Traceback" not in service.output.read_text()


def test_a_short_retention_leaves_everything_in_the_lake_and_nobody_notices(tmp_path: Path) -> None:
    service = Service(APPLICATION, tmp_path / "home", ANABRANCH_RETENTION="1ms")
    try:
        service.start()
        sent = [ride(number, "ABC"[number % 3]) for number in range(3_000)]
        service.post("rides", sent)
        assert service.batch().wait(120) == 0
        position = service.post("rides", [ride(3_000)])["position"]
        rows = service.rows("ever", position)
        service.stop()
        service.start()
        with closing(sqlite3.connect(service.home / "log.db")) as database:
            assert database.execute("SELECT min(offset) FROM segments").fetchone()[0] >= 3_000
        assert [event["data"]["ride_id"] for event in service.events("rides")][:3_000] == [r["ride_id"] for r in sent]
        assert service.client.get("/v1/streams/rides").json()["events"] == 3_001
        assert service.rows("ever") == rows
        verified = subprocess.run(
            service.command("verify", str(APPLICATION)), capture_output=True, text=True, check=False
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr
    finally:
        service.close()
