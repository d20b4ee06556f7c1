"""A snapshot, opened for statements of strangers.

Walls, from the outside in: a process of its own, which is killed when it takes too long, and may take only so much
memory; the kernel, where it can, lets it write nowhere but in its scratch folder, and make no connection (`landlock`);
`statement` lets nothing pass that does more than read; the database is read-only, its settings locked; it can open
no file but those that the snapshot is made of.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from batch.duckdb_session import literal
from serving.sql import statement
from serving.sql.errors import SqlFailedError, SqlRefusedError, SqlTooLargeError, SqlTooLongError


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

    Parameters
    ----------
    path
        The DuckDB file.
    files
        What its views read.
    scratch
        A folder for what does not fit into memory.
    """

    def __init__(self, path: str, files: Sequence[str], limits: StatementLimits, scratch: str):
        self.limits = limits
        self.connection = duckdb.connect(
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
        found = self.connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE NOT internal AND function_type = 'table_macro'"
        ).fetchall()
        self._macros = frozenset(str(name).lower() for (name,) in found)
        self.connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        self.connection.execute(f"SET allowed_paths = [{', '.join(literal(file) for file in files)}]")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    @contextmanager
    def run(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> Iterator[duckdb.DuckDBPyRelation]:
        """The result of a statement, to be read within its time.

        Raises
        ------
        SqlError
            What is wrong with it.
        """
        timer = threading.Timer(self.limits.seconds, self.connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            statement.check(self.connection, sql, self._macros)
            relation = self.connection.sql(sql, params=parameters or None)
            if relation is None:
                raise SqlFailedError("The statement has no result")
            yield relation
        except duckdb.InterruptException:
            raise SqlTooLongError(self.limits.seconds) from None
        except duckdb.PermissionException as error:
            raise SqlRefusedError("file", f"Only what is in this database can be read: {error}") from None
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise self._too_large(error) from None
        except duckdb.Error as error:
            raise SqlFailedError(str(error)) from None
        except OSError as error:  # what DuckDB raises while Arrow reads its result
            if "INTERRUPT" in str(error):
                raise SqlTooLongError(self.limits.seconds) from None
            raise self._too_large(error) if "Out of Memory" in str(error) else SqlFailedError(str(error)) from None
        finally:
            timer.cancel()

    def _too_large(self, error: BaseException) -> SqlTooLargeError:
        limit = f"{self.limits.memory_bytes // 1_000_000:,} MB"
        problem = str(error).split("\n")[0]
        return SqlTooLargeError(f"The query needs more than {limit} of memory: {problem}")

    def close(self) -> None:
        """Close it."""
        self.connection.close()
