"""Where logs go: to stderr, a line at a time, as text for people or as JSON for those who collect them."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any

from serving.http.log_lines import ACCESS, JsonLines, formatter_of

OURS = ("infra", "batch", "speed", "serving", "eventlog")
"""Our packages tell how they get on; of the libraries only warnings are worth a line."""
_QUIET = ("distributed",)
"""What goes wrong in a task of Dask is raised again, and told then."""
_facts: dict[str, Any] = {}
logger = logging.getLogger(__name__)


def set_up(log_format: str, *, access: bool = False) -> None:
    """Have this process log to stderr.

    Parameters
    ----------
    log_format
        ``text`` or ``json``. With ``json`` nothing but objects is written: warnings of Python and errors that nobody
        caught are lines too.
    access
        Whether every request is told.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter_of(log_format, _facts))
    handler.addFilter(_is_wanted)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    ACCESS.setLevel(logging.INFO if access else logging.WARNING)
    if log_format == "json":
        logging.captureWarnings(True)
        sys.excepthook = _uncaught
        threading.excepthook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)


def tell_always(**facts: object) -> None:
    """Have every further line of this process tell these facts, such as the batch run that it is."""
    _facts.update(facts)


def is_json() -> bool:
    """Whether `set_up` was told to write JSON."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


def fail(error: Exception) -> None:
    """Say why the command ends: a line for people, or one of the log if that is JSON."""
    if is_json():
        logger.error("%s", error, extra={"error": type(error).__name__})
    else:
        print(f"anabranch: {error}", file=sys.stderr)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Dask gives loggers levels of their own, so those of ours do not hold it back."""
    package = record.name.partition(".")[0]
    if package in OURS:
        return True
    return record.levelno >= (logging.CRITICAL if package in _QUIET else logging.WARNING)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)):
        logger.critical("%s", error, exc_info=(kind, error, trace), extra={"error": kind.__name__})
