"""The process that runs statements of strangers: ``python -m serving.sql.sandbox.runner``.

It knows nothing but what it is told: no environment, no application, no database. Whatever a statement does to it, it
can be killed and another one started.
"""

from __future__ import annotations

import logging
import os
import resource
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.http.log_lines import formatter_of
from serving.sql.child_process import Message, answer_all
from serving.sql.errors import SqlError, SqlUnavailableError, told
from serving.sql.sandbox import landlock

if TYPE_CHECKING:
    from serving.sql.sandbox.sandbox import Sandbox

# DuckDB and Arrow are loaded by `main`, before the process gives up the right to open files outside of the home.

logger = logging.getLogger(__name__)
_RESULT_BYTES = 400_000_000
"""What a result may take on its way from DuckDB's memory to bytes, by way of Arrow and of Python's objects."""
_NICENESS = 10
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/localtime", "/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/sys/fs/cgroup")


class Runner:
    """Runs statements on snapshots, one after the other; the last snapshot stays open for the next.

    Parameters
    ----------
    limits, scratch
        See `serving.sql.sandbox.sandbox`.
    spent_bytes
        With more data than this after a statement it says that it is spent: what is left might not do for the next.
        It also does after a mistake of DuckDB's own.
    """

    def __init__(self, limits: dict[str, Any], scratch: str, spent_bytes: int):
        from serving.sql.sandbox.sandbox import StatementLimits

        self._limits = StatementLimits(**limits)
        self._scratch = scratch
        self._spent_bytes = spent_bytes
        self._sandbox: Sandbox | None = None
        self._name = ""

    def answer(self, message: dict[str, Any]) -> Message:
        """Run what is asked for; without a statement, say that we are here."""
        if "sql" not in message:
            return {}, b""
        try:
            head, body = self._run(message)
        except SqlError as error:
            head, body = {"error": told(error)}, b""
        return {**head, "spent": self._is_spent()}, body

    def _run(self, message: dict[str, Any]) -> Message:
        from serving.sql.sandbox import result_rows

        limits = self._limits
        with self._open(message["snapshot"]).run(message["sql"], message["parameters"]) as relation:
            result = result_rows.read(relation, limits.rows, limits.result_bytes)
            body = result_rows.FORMATS[message["format"]](result, message["facts"])
        return {"rows": result.table.num_rows, "truncated": result.truncated}, body

    def _open(self, snapshot: dict[str, Any]) -> Sandbox:
        """The snapshot, open. What fails here is not the statement's fault."""
        from serving.sql.sandbox.sandbox import Sandbox

        if self._sandbox is None or self._name != snapshot["name"]:
            if self._sandbox is not None:
                self._sandbox.close()
            self._sandbox = None
            try:
                self._sandbox = Sandbox(snapshot["path"], snapshot["files"], self._limits, self._scratch)
            except Exception as error:
                logger.exception("a snapshot could not be opened")
                raise SqlUnavailableError(f"What is to be queried cannot be opened: {type(error).__name__}") from None
            self._name = snapshot["name"]
        return self._sandbox

    def _is_spent(self) -> bool:
        """Whether the next statement had better be run by another process."""
        return _data_bytes() > self._spent_bytes or (self._sandbox is not None and self._sandbox.broken)


def restrict(data_bytes: int, readable: Sequence[str], scratch: str) -> None:
    """Give up what no statement needs."""
    os.nice(_NICENESS)
    for kind, limit in ((resource.RLIMIT_DATA, data_bytes), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 4_096)):
        soft = limit if (hard := resource.getrlimit(kind)[1]) == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (soft, soft))
    with suppress(OSError):  # if the machine runs out of memory, this is the process to end
        Path("/proc/self/oom_score_adj").write_text("1000")
    packages = [
        str(Path(__file__).parents[3] / name) for name in ("anabranch", "eventlog", "batch", "speed", "serving")
    ]
    python = [*packages, *sysconfig.get_paths().values(), sys.base_prefix, sys.prefix]
    landlock.restrict([*readable, *python, *_SYSTEM], [scratch, "/dev/null"])


def _data_bytes() -> int:
    """What `RLIMIT_DATA` counts of this process now: libraries and the stacks of their threads, one for every core."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except OSError:  # not Linux; little is counted there
        return 0


class WithoutPandas(MetaPathFinder):
    """Pandas is not to be had in this process.

    Arrow would load it for the first list of times in a result, only to know of its types: amid a statement, within
    the memory of that, which may not be enough.
    """

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("there is no pandas for statements", name=name)


def main(arguments: Sequence[str]) -> None:
    """Answer: ``runner <limits as JSON> <format of logs> <scratch> <folder that may be read>...``."""
    sys.meta_path.insert(0, WithoutPandas())
    import orjson
    import pyarrow.compute  # noqa: F401  # Arrow would load it amid the first statement with times

    import serving.sql.sandbox.result_rows
    import serving.sql.sandbox.sandbox  # noqa: F401
    from serving.sql.sandbox.functions import refused_functions
    from serving.sql.sandbox.relation_names import own_views

    limits, log_format, scratch = orjson.loads(arguments[0]), arguments[1], arguments[2]
    handler = logging.StreamHandler()
    handler.setFormatter(formatter_of(log_format, {}))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    refused_functions(), own_views()  # each opens a database of its own
    used_bytes = _data_bytes() + limits["memory_bytes"]
    restrict(used_bytes + _RESULT_BYTES, arguments[3:], scratch)
    answer_all(Runner(limits, scratch, used_bytes + _RESULT_BYTES // 2).answer)


if __name__ == "__main__":
    main(sys.argv[1:])
