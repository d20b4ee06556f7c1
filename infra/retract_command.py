"""``anabranch retract``: take an event out of the log that should never have been taken."""

from __future__ import annotations

from rich.text import Text

from anabranch import Cut
from anabranch.instant import iso
from eventlog.decisions import publications
from eventlog.decisions.event_retracted import retract, retractable
from eventlog.log.segment import Record
from infra.composition import Process
from infra.errors import UsageError
from infra.terminal import console

_SHOWN = 400


def retract_event(process: Process, position: str, reason: str, *, yes: bool) -> None:
    """Show the event and what taking it out will do; with `yes`, do it.

    Raises
    ------
    UsageError
        If the position is none.
    NotRetractableError
        If no event stands there that could be taken out.
    """
    try:
        (offset,) = Cut.parse(position).offsets
    except ValueError:
        raise UsageError(f"{position!r} is no position of an event; write partition:offset, like 0:1234") from None
    record = retractable(process.log, offset)
    out = console()
    out.print(_told(record))
    covering = [known for known in publications(process.log)[:1] if known.cut.offsets[0] > offset]
    steps = ["the views, scores and models of the speed layer are made again without it"]
    if covering:
        number = covering[0].generation
        steps.append(
            f"generation {number} covers it and is served no more; a batch run replaces it: anabranch batch run"
        )
    if record.id is not None:
        steps.append(f"the id {record.id!r} is free: the event can be posted again, put right")
    if not yes:
        steps.append("nothing was done; repeat this with --yes")
    else:
        retract(process.log, offset, reason)
        steps.insert(0, "it was taken out; the log keeps it, as a record that nobody folds")
    for step in steps:
        out.print(Text(f"- {step}"))


def _told(record: Record) -> Text:
    """An event as people read it, its data cut short."""
    data = str(record.data)
    shown = data if len(data) <= _SHOWN else f"{data[:_SHOWN]}…"
    place = f"0:{record.offset} of stream {record.stream}, key {record.key!r}, id {record.id!r}"
    return Text(f"{place}\nhappened {iso(record.time)}, appended {iso(record.appended)}\n{shown}")
