"""The settings: one frozen object, read once from ``ANABRANCH_*`` variables and ``.env``."""

from __future__ import annotations

import math
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from anabranch.duration import duration_us
from anabranch.instant import instant
from eventlog.registry.letter_keeping import LetterBounds
from eventlog.store.bucket_url import BucketUrl
from infra.errors import UsageError

_NAME = re.compile(r"\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?").fullmatch
"""A host's name, without a port; with ``*.`` in front, all names below one."""
OFF = "off"
"""In the place of a duration: never."""
REQUEST_FOLD = 8
"""How many times its size the memory is that a request takes, at the least: see `serving.http.posting.WORK_FOLD`."""


class Settings(BaseSettings):
    """Everything that can be set. A command-line option wins over a variable, a variable over ``.env``."""

    model_config = SettingsConfigDict(env_prefix="ANABRANCH_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(Path("anabranch-data"), description="The directory that holds everything on disk.")
    app: str | None = Field(None, description="The application: file.py or file.py:name.")
    database: str | None = Field(
        None,
        description="SQLAlchemy URL of the log and registry, like postgresql+psycopg://…; absent: SQLite in the home.",
    )
    store: str | None = Field(
        None,
        description="Where the lake, generations and models are: a folder, or s3://bucket/prefix, gs://bucket/prefix,"
        " az://container/prefix; absent: the home.",
    )
    cache_bytes: int = Field(
        10_000_000_000,
        ge=1,
        description="How many bytes the copies in the home of what is in a bucket take; the least used make room.",
    )
    home_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="The key of the homes that share one store: with it, each can go on from what the others have"
        " learnt. Absent: the file key in the home.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on; another than loopback needs an API key.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    api_key: SecretStr | None = Field(
        None, min_length=1, description="When set, every request but /healthz needs Authorization: Bearer <key>."
    )
    allowed_hosts: str | None = Field(
        None,
        description="Further names under which the service may be asked, like data.example.com, *.example.com; loopback"
        " and the address it listens on always are.",
    )
    max_connections: int = Field(1_000, ge=8, description="The most connections at a time.")
    max_head_bytes: int = Field(
        32 * 1024, ge=4096, description="The largest head (target and headers) of a request, in bytes."
    )
    head_timeout: str = Field("20s", description="How long the head of a request may take to arrive.")
    request_timeout: str = Field("5m", description="How long a whole request may take to arrive.")
    max_body_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="The largest request body, in bytes.")
    max_event_bytes: int = Field(
        1024 * 1024, ge=1024, description="The largest event, as JSON, in bytes; a larger one is rejected."
    )
    request_memory: int | None = Field(
        None,
        description="Bytes of memory that all requests together may take; beyond, they get 503 with Retry-After."
        " Absent: sixteen times ANABRANCH_MAX_BODY_BYTES.",
    )
    max_events: int = Field(100_000, ge=1, description="The most events one request may carry.")
    max_future: str = Field("1h", description="How far ahead of the clock an event time may be; later is rejected.")
    rejected_keep: int = Field(
        100_000, ge=1, description="How many dead letters a stream keeps; the oldest make room, and are counted."
    )
    rejected_keep_bytes: int = Field(
        268_435_456, ge=1, description="How many bytes the dead letters of a stream take at most, likewise."
    )
    retention: str = Field(
        "7d", description="How long archived records stay in the hot log, and so how long ids are deduplicated."
    )
    checkpoint_seconds: float = Field(30.0, gt=0, description="Seconds between two checkpoints of the speed layer.")
    checkpoint_records: int = Field(1_000_000, ge=1, description="Records after which it checkpoints anyway.")
    slice_records: int = Field(500_000, ge=1_000, description="Records in one slice of a batch run: bounds its memory.")
    train_bytes: int = Field(
        1_000_000_000,
        ge=1,
        description="Training rows, in memory, beyond which the workers of ANABRANCH_DASK train LightGBM together.",
    )
    pickle_models: bool = Field(
        False,
        description="Whether models that only a pickle can hold are stored, as one: opening it runs code of its maker.",
    )
    record_predictions: bool = Field(
        True, description="Whether every prediction is recorded in the log, so that it can be looked up later."
    )
    dask: str | None = Field(None, description="Address of a Dask scheduler, like tcp://…; absent: this machine.")
    batch_cron: str | None = Field(
        None, description="When up starts batch runs, in cron's five fields, like 30 2 * * *; absent: never."
    )
    batch_timezone: str = Field("UTC", description="The time zone of ANABRANCH_BATCH_CRON, like Europe/Berlin.")
    workers: int | None = Field(
        None,
        ge=1,
        description="Dask workers on this machine; absent: as many as there is work for, at most one a core.",
    )

    analytics_refresh: str = Field(
        "30s",
        description="How old the data in analytics.duckdb may become while the service runs; "
        "off: the file is not written, and SQL answers as ever.",
    )
    sql_timeout: str = Field("30s", description="How long a statement of the SQL endpoint may run.")
    sql_memory: int = Field(
        512_000_000, ge=64_000_000, description="How much memory a statement of the SQL endpoint may take, in bytes."
    )
    sql_rows: int = Field(100_000, ge=1, description="The most rows that the SQL endpoint answers with.")

    log_format: Literal["text", "json"] = Field(
        "text", description="How up and batch run log to stderr: text for people, json for those who collect logs."
    )
    access_log: bool | None = Field(
        None, description="Whether up logs every request; absent: only if ANABRANCH_LOG_FORMAT is json."
    )

    @field_validator("store")
    @classmethod
    def _store(cls, text: str | None) -> str | None:
        if text is not None and "://" in text:
            BucketUrl.of(text)
        elif text is not None and not text.strip():
            raise ValueError("is empty; write a folder or a URL, or leave it out")
        return text

    @field_validator("batch_cron")
    @classmethod
    def _cron(cls, text: str | None) -> str | None:
        if text is not None:
            from cronsim import CronSim, CronSimError

            try:
                CronSim(text, instant(0))
            except CronSimError as error:
                raise ValueError(f"{text!r} is no cron expression ({error}); write one like 30 2 * * *") from None
        return text

    @field_validator("allowed_hosts")
    @classmethod
    def _names(cls, text: str | None) -> str | None:
        for name in _split(text):
            if not _NAME(name) and not _is_address(name):
                raise ValueError(f"{name!r} is no name of a host; write them like data.example.com, *.example.com")
        return text

    @field_validator("batch_timezone")
    @classmethod
    def _timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"there is no time zone {name!r}; write one like Europe/Berlin") from None
        return name

    @field_validator("max_future", "retention", "analytics_refresh", "sql_timeout", "head_timeout", "request_timeout")
    @classmethod
    def _duration(cls, text: str, field: ValidationInfo) -> str:
        if (field.field_name, text) != ("analytics_refresh", OFF):
            duration_us(text)
        return text

    @classmethod
    def load(cls, **given: Any) -> Settings:
        """The settings, where `given` (options of the command line; None: not given) win.

        Raises
        ------
        UsageError
            Naming the variable that is wrong.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            lines = [
                f"ANABRANCH_{str(e['loc'][0]).upper()}: {e['msg']}" if e["loc"] else e["msg"] for e in error.errors()
            ]
            raise UsageError("; ".join(lines)) from None

    @model_validator(mode="after")
    def _memory_fits_a_body(self) -> Settings:
        least = REQUEST_FOLD * self.max_body_bytes
        if self.request_memory is not None and self.request_memory < least:
            raise ValueError(
                f"ANABRANCH_REQUEST_MEMORY is {self.request_memory:,}, and one request of ANABRANCH_MAX_BODY_BYTES"
                f" ({self.max_body_bytes:,}) needs {least:,}: raise the one or lower the other"
            )
        return self

    @property
    def request_memory_bytes(self) -> int:
        """`request_memory`, or what follows from `max_body_bytes`."""
        return 2 * REQUEST_FOLD * self.max_body_bytes if self.request_memory is None else self.request_memory

    @property
    def database_url(self) -> str:
        """`database`, or the SQLite file in the home."""
        return self.database or f"sqlite:///{self.home.resolve() / 'log.db'}"

    @property
    def allowed_names(self) -> list[str]:
        """The names in `allowed_hosts`."""
        return _split(self.allowed_hosts)

    @property
    def head_timeout_seconds(self) -> float:
        """`head_timeout` in seconds."""
        return duration_us(self.head_timeout) / 1e6

    @property
    def request_timeout_seconds(self) -> float:
        """`request_timeout` in seconds."""
        return duration_us(self.request_timeout) / 1e6

    @property
    def letter_bounds(self) -> LetterBounds:
        """What is kept of the dead letters of a stream."""
        return LetterBounds(self.rejected_keep, self.rejected_keep_bytes)

    @property
    def max_future_us(self) -> int:
        """`max_future` in microseconds."""
        return duration_us(self.max_future)

    @property
    def retention_us(self) -> int:
        """`retention` in microseconds."""
        return duration_us(self.retention)

    @property
    def analytics_refresh_seconds(self) -> float:
        """`analytics_refresh` in seconds; infinite where it is off."""
        return math.inf if self.analytics_refresh == OFF else duration_us(self.analytics_refresh) / 1e6

    @property
    def sql_limits(self) -> dict[str, float]:
        """What a statement of the SQL endpoint may take; see `serving.sql.sandbox.sandbox.StatementLimits`."""
        return {
            "seconds": duration_us(self.sql_timeout) / 1e6,
            "memory_bytes": self.sql_memory,
            "rows": self.sql_rows,
        }

    @property
    def logs_requests(self) -> bool:
        """`access_log`, or what follows from `log_format`."""
        return self.log_format == "json" if self.access_log is None else self.access_log

    @property
    def app_reference(self) -> str:
        """`app`; raises `UsageError` if none was given."""
        if self.app is None:
            raise UsageError("which application? Pass APP (file.py or file.py:name) or set ANABRANCH_APP")
        return self.app


def _split(names: str | None) -> list[str]:
    """Names with commas or blanks between them."""
    return (names or "").replace(",", " ").split()


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
