"""Waiting for the fold, so that a client reads its own writes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from anabranch import Cut
from serving.errors import FoldBehindError, QueryError
from serving.query import TIMEOUT_DEFAULT_MS
from speed.consumer import Consumer


async def until_past(consumer: Consumer, after: Cut, timeout_seconds: float) -> None:
    """Return once the fold has passed `after`.

    Raises
    ------
    FoldBehindError
        If that takes longer than `timeout_seconds`.
    QueryError
        If `after` speaks of partitions that the log does not have.
    """
    cut = consumer.cut
    if cut.covers(after):
        return
    if len(after.offsets) > len(cut.offsets):
        raise QueryError("after", f"names {len(after.offsets)} partitions; this log has {len(cut.offsets)}, like {cut}")
    try:
        await asyncio.wait_for(asyncio.wrap_future(consumer.when_past(after)), timeout_seconds)
    except TimeoutError:
        raise FoldBehindError(after, consumer.cut, timeout_seconds) from None


async def until_asked(consumer: Consumer, parameters: Mapping[str, Any]) -> None:
    """`until_past` what the parameters ``after`` and ``timeout_ms`` of a request say, if they do."""
    if "after" in parameters:
        await until_past(consumer, parameters["after"], parameters.get("timeout_ms", TIMEOUT_DEFAULT_MS) / 1_000)
