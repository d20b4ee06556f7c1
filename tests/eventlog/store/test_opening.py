from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.store.folder_store import FolderStore
from eventlog.store.object_store import ObjectStore
from eventlog.store.opening import open_store


def test_a_path_is_a_folder(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    assert isinstance(store, FolderStore)
    assert store.url == str(tmp_path / "store")
    assert not (tmp_path / "store").exists(), "nothing is made yet"


@pytest.mark.parametrize("url", ["s3://bucket/prefix", "gs://bucket/prefix", "az://container/prefix"])
def test_a_url_is_a_bucket_and_is_opened_by_the_url_that_it_tells(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    store = open_store(f"{url}/")
    assert isinstance(store, ObjectStore)
    assert store.url == url
    assert open_store(store.url).url == url


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(ValueError, match="write a folder, or one of"):
        open_store("ftp://bucket/prefix")


def test_a_folder_loads_no_library_of_buckets() -> None:
    script = (
        "import sys; from eventlog.store.opening import open_store; open_store('x'); print('obstore' in sys.modules)"
    )
    root = Path(__file__).parent.parent.parent.parent
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert told.stdout == "False\n"


def test_what_the_environment_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(ValueError, match=r"az://container cannot be opened: .*[Aa]ccount"):
        open_store("az://container")
