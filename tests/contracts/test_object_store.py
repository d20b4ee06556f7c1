from __future__ import annotations

import time
from collections.abc import Iterator

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from eventlog.store import Store
from eventlog.store.errors import StoreDeniedError, StoreUnavailableError
from eventlog.store.opening import open_store
from tests.buckets import READER, S3Server, environment
from tests.contracts.store import SharedStoreContract


class TestObjectStore(SharedStoreContract):
    @pytest.fixture
    def url(self, bucket: str) -> str:
        return bucket

    @pytest.fixture
    def store(self, url: str) -> Store:
        return open_store(url)

    def test_it_is_no_folder(self, store: Store) -> None:
        assert store.path("a") is None

    def test_two_places_of_a_bucket_see_nothing_of_each_other(self, store: Store, url: str) -> None:
        open_store(f"{url}-beside").create("a", b"")
        open_store(f"{url}/below").create("b", b"")
        assert store.stat("a") is None
        assert [found.name for found in store.list("below")] == ["below/b"]

    def test_delta_lake_finds_its_tables_in_it(self, store: Store) -> None:
        url, options = store.delta_url("lake/rides"), store.delta_options
        write_deltalake(url, pa.table({"a": [1]}), mode="append", storage_options=options)
        write_deltalake(url, pa.table({"a": [2]}), mode="append", storage_options=options)
        assert DeltaTable(url, storage_options=options).version() == 1
        assert store.folders("lake") == ["rides"]

    def test_keys_that_may_only_read_are_told_so(self, s3_server: S3Server, url: str, store: Store) -> None:
        store.create("a", b"content")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment(s3_server.environment["AWS_ENDPOINT_URL"], READER).items():
                patch.setenv(name, value)
            reader = open_store(url)
        assert reader.read("a") == b"content"
        with pytest.raises(StoreDeniedError, match="may not be reached or changed with these keys"):
            reader.create("b", b"")
        with pytest.raises(StoreDeniedError, match="Access Denied"):
            reader.remove(["a"])

    def test_keys_that_nobody_knows_are_told_so(self, s3_server: S3Server, url: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment(
                s3_server.environment["AWS_ENDPOINT_URL"], {"accessKey": "x", "secretKey": "y"}
            ).items():
                patch.setenv(name, value)
            stranger = open_store(url)
        for ask in (stranger.read, stranger.stat, lambda name: list(stranger.list(name))):
            with pytest.raises(StoreDeniedError, match="with these keys"):
                ask("a")

    def test_a_bucket_that_is_not_there_is_not_a_missing_name(self, url: str) -> None:
        elsewhere = open_store("s3://nobody-made-this/prefix")
        with pytest.raises(StoreUnavailableError, match="NoSuchBucket"):
            elsewhere.read("a")
        with pytest.raises(StoreUnavailableError, match="NoSuchBucket"):
            list(elsewhere.list("a"))


class TestAStoreThatIsAway:
    @pytest.fixture
    def stopped(self, s3_server: S3Server, bucket: str) -> Iterator[Store]:
        store = open_store(bucket)
        assert store.create("a", b"content")
        s3_server.stop()
        yield store
        s3_server.start()

    def test_is_told_within_seconds_and_answers_again_when_it_is_back(
        self, stopped: Store, s3_server: S3Server
    ) -> None:
        began = time.monotonic()
        for ask in (
            lambda: stopped.read("a"),
            lambda: stopped.stat("a"),
            lambda: list(stopped.list("a")),
            lambda: stopped.create("b", b""),
            lambda: stopped.remove(["a"]),
        ):
            with pytest.raises(StoreUnavailableError, match="cannot be reached now"):
                ask()
        assert time.monotonic() - began < 60
        s3_server.start()
        assert stopped.read("a") == b"content"
        assert stopped.stat("b") is None
