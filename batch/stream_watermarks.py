"""The watermarks of all streams at the cut of a run: a speed layer that begins at the generation goes on from them."""

from __future__ import annotations

from collections.abc import Collection

from anabranch import App
from anabranch.watermarks import Watermarks, advance
from batch.duckdb_session import Connection, parquet_files
from batch.generation import Generation
from batch.plan import Slice
from batch.views.sql_fold import within
from eventlog.lake import Lake


def watermarks_at(
    connection: Connection,
    app: App,
    lake: Lake,
    base: Generation | None,
    end: int,
    retracted: Collection[int] = (),
) -> Watermarks:
    """The newest event time of every stream of the application before `end`, in microseconds.

    That of a stream without views and models is found too: nothing depends on it today, and some day something may.

    Parameters
    ----------
    lake
        Holds every record before `end`.
    base
        The generation before: of what it covers nothing is read again, unless it does not know the stream. None: all
        of the lake's times are read.
    retracted
        Offsets of events that were taken out of the log.
    """
    known = {} if base is None else base.watermarks(app)
    found = dict(known)
    for stream in app.streams:
        start = base.end if base is not None and stream in known else 0
        files = lake.files(stream, start, end)
        if files:
            chosen = within(Slice(start, end).leaving_out(retracted))
            query = f"SELECT epoch_us(max(_time)) FROM {parquet_files(files)} WHERE {chosen}"
            advance(found, stream, connection.execute(query).fetchone() or ())
    return found
