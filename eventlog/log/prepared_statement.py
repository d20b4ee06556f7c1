"""Statements without SQLAlchemy in between: built and compiled by it once, then run by the driver itself.

To run a small statement through SQLAlchemy takes six times as long as the statement does; the few that every commit
runs go this way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler

from eventlog.errors import DatabaseDamagedError, LogUnavailableError
from eventlog.registry.unavailability import is_away, is_damage

Values = Mapping[str, Any]
"""The value of every parameter, by name."""


class PreparedStatement:
    """A statement that is compiled once for every kind of database.

    Values go to the driver, and come from it, as they are: types that SQLAlchemy converts are not for this.

    Parameters
    ----------
    statement
        Its parameters are named; none is a list that is spread out (``expanding``).
    """

    def __init__(self, statement: ClauseElement):
        self._statement = statement
        self._compiled_by_driver: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        """Run it, and return all rows of its result."""
        found: list[tuple[Any, ...]] = self._run(connection, [values], lambda cursor: cursor.fetchall())
        return found

    def run(self, connection: Connection, *several: Values) -> int:
        """Run it for each of several sets of values, in order. Returns how many rows it changed."""
        changed: int = self._run(connection, several, lambda cursor: cursor.rowcount)
        return changed

    def _run(self, connection: Connection, several: Sequence[Values], outcome: Callable[[DBAPICursor], Any]) -> Any:
        """Run it in the connection's transaction; raises `LogUnavailableError` as `Database` does."""
        if not connection.in_transaction():
            connection.begin()
        compiled = self._compiled_by_driver.get(connection.dialect.driver) or self._compile(connection)
        parameters = [compiled.parameters(values) for values in several]
        driver = connection.dialect.loaded_dbapi
        cursor: DBAPICursor | None = None
        try:
            cursor = connection.connection.cursor()
            if len(parameters) == 1:
                cursor.execute(compiled.text, parameters[0])
            else:
                cursor.executemany(compiled.text, parameters)
            return outcome(cursor)
        except driver.Error as error:
            raw = connection.connection.dbapi_connection
            if connection.dialect.is_disconnect(error, raw, cursor):  # SQLAlchemy saw nothing: tell its pool
                connection.invalidate(error)
                cursor = None
            if is_damage(error):
                raise DatabaseDamagedError(str(error).strip()) from error
            if isinstance(error, driver.OperationalError | driver.InterfaceError) or is_away(error):
                raise LogUnavailableError(str(error).strip()) from error
            raise
        finally:
            if cursor is not None:
                cursor.close()

    def _compile(self, connection: Connection) -> _Compiled:
        compiled = self._statement.compile(dialect=connection.dialect)
        assert isinstance(compiled, SQLCompiler)
        assert not compiled.post_compile_params, "parameters that are spread out change the text with every call"
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        names = None if compiled.positiontup is None else tuple(compiled.positiontup)
        found = self._compiled_by_driver[connection.dialect.driver] = _Compiled(compiled.string, names, constants)
        return found


class _Compiled(NamedTuple):
    """A statement for one driver: its text, the names of positional parameters in order, and constants in it."""

    text: str
    names: tuple[str, ...] | None
    constants: Values

    def parameters(self, values: Values) -> Any:
        if self.constants:
            values = {**self.constants, **values}
        return values if self.names is None else [values[name] for name in self.names]
