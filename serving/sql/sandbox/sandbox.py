"""A snapshot, opened for statements of strangers.

Walls, from the outside in: a process of its own, which is killed when it takes too long, and may take only so much
memory; the kernel, where it can, lets it write nowhere but in its scratch folder, and make no connection (`landlock`);
`statement` lets nothing pass that does more than read; the database is read-only, its settings locked; it can open
no file but those that the snapshot is made of. What it says of these files is told without their paths (`told_text`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from batch.duckdb_session import literal
from serving.sql.errors import (
    SqlError,
    SqlFailedError,
    SqlRefusedError,
    SqlTooLargeError,
    SqlTooLongError,
    SqlUnavailableError,
)
from serving.sql.sandbox.relation_names import RelationNames
from serving.sql.sandbox.statement import Checked, StatementCheck
from serving.sql.sandbox.told_text import ToldText

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StatementLimits:
    """How much a statement may take.

    Attributes
    ----------
    seconds
        Of time, from when it begins until its result is written.
    memory_bytes, spill_bytes
        Of memory, and of files for what does not fit.
    rows, result_bytes
        The most rows of a result, and about how large it may be: what is more is left out, and said to be.
    threads
        How many it runs on.
    """

    seconds: float = 30.0
    memory_bytes: int = 512_000_000
    spill_bytes: int = 1_000_000_000
    rows: int = 100_000
    result_bytes: int = 32 * 2**20
    threads: int = 1


class Sandbox:
    """One snapshot, open.

    Every statement has a connection of its own, so that nothing of it is left for the next one.

    Parameters
    ----------
    path
        The DuckDB file.
    files
        What its views read.
    scratch
        A folder for what does not fit into memory.

    Attributes
    ----------
    broken
        Whether DuckDB told of a mistake of its own: nothing it says from then on can be relied upon.
    """

    def __init__(self, path: str, files: Sequence[str], limits: StatementLimits, scratch: str):
        self.limits = limits
        self.broken = False
        self._files = files
        self._told = ToldText([path, *files, f"{scratch}/file"])
        self._connection = duckdb.connect(
            path,
            read_only=True,
            config={
                "threads": limits.threads,
                "async_threads": limits.threads,  # four a core if it may choose
                "memory_limit": f"{limits.memory_bytes // 1_000_000}MB",
                "temp_directory": scratch,
                "max_temp_directory_size": f"{limits.spill_bytes // 1_000_000}MB",
                "python_enable_replacements": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "allow_persistent_secrets": False,
            },
        )
        self._check = StatementCheck(self._connection, RelationNames.of(self._connection))
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._connection.execute(f"SET allowed_paths = [{', '.join(literal(file) for file in files)}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    @contextmanager
    def run(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> Iterator[duckdb.DuckDBPyRelation]:
        """The result of a statement, to be read within its time.

        Raises
        ------
        SqlError
            What is wrong with it.
        """
        with self._connection.cursor() as connection, self._in_time(connection):
            try:
                checked = self._passed(sql)
                relation = connection.sql(checked.statement, params=parameters or None)
                if relation is None:
                    raise SqlFailedError("The statement has no result")
                yield self._without_paths(connection, relation) if checked.is_explanation else relation
            except Exception as error:
                raise self._error_of(error) from None

    def _passed(self, sql: str) -> Checked:
        return self._check.passed(sql)

    @contextmanager
    def _in_time(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupts what runs when its time is over."""
        timer = threading.Timer(self.limits.seconds, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # a connection that is closed must not be interrupted

    def _without_paths(
        self, connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation
    ) -> duckdb.DuckDBPyRelation:
        """A plan, which names the files that were read."""
        keys, plans = zip(*relation.fetchall(), strict=True)
        rows = "SELECT unnest($1::VARCHAR[]) AS explain_key, unnest($2::VARCHAR[]) AS explain_value"
        return connection.sql(rows, params=[list(keys), [self._told.of(plan) for plan in plans]])

    def _error_of(self, error: Exception) -> SqlError:
        """What an error is to those who asked."""
        told = self._told.of(str(error))
        match error:
            case SqlError():
                return error
            case duckdb.InterruptException():
                return SqlTooLongError(self.limits.seconds)
            case duckdb.PermissionException() | duckdb.IOException() if lost := self._lost():
                self.broken = True  # the next statement is for another snapshot
                return SqlUnavailableError(f"A file of what is queried is missing: {lost}. Ask again: it is looked for")
            case duckdb.PermissionException():
                return SqlRefusedError("file", f"Only what is in this database can be read: {told}")
            case duckdb.OutOfMemoryException() | MemoryError():
                return self._too_large(told)
            case OSError() if "INTERRUPT" in told:  # what DuckDB raises while Arrow reads its result
                return SqlTooLongError(self.limits.seconds)
            case OSError() if "Out of Memory" in told:
                return self._too_large(told)
        if _is_of_duckdb(error) or not isinstance(error, (duckdb.Error, OSError)):
            logger.error("a statement met a mistake that is not its own", exc_info=error)
            self.broken = True
        return SqlFailedError(told)

    def _lost(self) -> str | None:
        """The name of a file that was there when the snapshot was taken and is not now; None: they all are.

        DuckDB tells of one that is missing as of one that may not be read.
        """
        return next((Path(file).name for file in self._files if not Path(file).exists()), None)

    def _too_large(self, told: str) -> SqlTooLargeError:
        limit = f"{self.limits.memory_bytes // 1_000_000:,} MB"
        problem = told.split("\n")[0]
        return SqlTooLargeError(f"The query needs more than {limit} of memory: {problem}")

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def _is_of_duckdb(error: Exception) -> bool:
    """Whether an error is a mistake of DuckDB's own, or what it says of everything after one."""
    if isinstance(error, (duckdb.InternalException, duckdb.FatalException)):
        return True
    return any(sign in str(error) for sign in ("INTERNAL Error", "FATAL Error", "has been invalidated"))
