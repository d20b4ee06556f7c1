from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.errors import UsageError
from infra.settings import REQUEST_FOLD, Settings
from serving.http.posting import WORK_FOLD


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_option_wins_over_a_variable_and_a_variable_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text("ANABRANCH_PORT=1\nANABRANCH_HOST=::1\nANABRANCH_RETENTION=2d\nOTHER=x\n")
    monkeypatch.setenv("ANABRANCH_PORT", "2")
    monkeypatch.setenv("ANABRANCH_HOST", "localhost")
    settings = Settings.load(port=3, host=None)
    assert (settings.port, settings.host, settings.retention_us) == (3, "localhost", 2 * 86_400_000_000)


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANABRANCH_RETENTION", "a week")
    with pytest.raises(UsageError, match=r"ANABRANCH_RETENTION.*'1h'"):
        Settings.load()
    with pytest.raises(UsageError, match="ANABRANCH_PORT"):
        Settings.load(retention="7d", port=70_000)


def test_a_file_for_analysts_may_be_wanted_never_and_a_limit_may_not() -> None:
    assert Settings(analytics_refresh="off").analytics_refresh_seconds == math.inf
    with pytest.raises(UsageError, match="ANABRANCH_SQL_TIMEOUT"):
        Settings.load(sql_timeout="off")


def test_settings_do_not_change_and_do_not_tell_the_key() -> None:
    settings = Settings.load(api_key="river")
    with pytest.raises(ValidationError):
        setattr(settings, "port", 1)  # noqa: B010 (the type checker would not let it pass either)
    assert "river" not in repr(settings)


def test_the_database_is_sqlite_in_the_home_unless_it_is_given(elsewhere: Path) -> None:
    assert Settings.load(home=elsewhere / "h").database_url == f"sqlite:///{elsewhere / 'h' / 'log.db'}"
    assert Settings.load(database="postgresql+psycopg://host/db").database_url == "postgresql+psycopg://host/db"


def test_without_an_application_the_message_says_how_to_give_one() -> None:
    with pytest.raises(UsageError, match="ANABRANCH_APP"):
        _ = Settings.load().app_reference


def test_every_setting_is_described() -> None:
    assert all(field.description and field.description.endswith(".") for field in Settings.model_fields.values())


def test_requests_may_take_as_much_memory_as_one_of_the_largest_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANABRANCH_MAX_BODY_BYTES", "1000000")
    assert Settings.load().request_memory_bytes == 16_000_000
    monkeypatch.setenv("ANABRANCH_REQUEST_MEMORY", "7999999")
    with pytest.raises(UsageError, match=r"ANABRANCH_MAX_BODY_BYTES.* needs 8,000,000"):
        Settings.load()
    monkeypatch.setenv("ANABRANCH_REQUEST_MEMORY", "8000000")
    assert Settings.load().request_memory_bytes == 8_000_000
    assert REQUEST_FOLD == WORK_FOLD + 1


@pytest.mark.parametrize("store", ["/mnt/shared/store", "store", "s3://bucket", "gs://bucket/a", "az://container/a"])
def test_a_store_is_a_folder_or_a_bucket(store: str) -> None:
    assert Settings.load(store=store).store == store


@pytest.mark.parametrize("store", ["http://bucket", "s3://", "s3://key:secret@bucket", " "])
def test_a_store_that_is_neither_is_refused_with_its_variable(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANABRANCH_STORE", store)
    with pytest.raises(UsageError, match=r"ANABRANCH_STORE: .*write "):
        Settings.load()
