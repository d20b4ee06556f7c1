"""Aggregates without a view, as the tests of this folder fold them."""

from __future__ import annotations

import random
from typing import Any, TypeVar

from anabranch.agg.aggregate import Aggregate, State
from anabranch.events import Order
from anabranch.field import Field, Kind

A = TypeVar("A", bound=Aggregate)


def over(kind: Kind, aggregate: A) -> A:
    """The aggregate over a field of a kind."""
    return aggregate.bind("a test", Field("field", kind, None, True, None, None), None)


def folded(aggregate: Aggregate, values: list[Any], orders: list[Order] | None = None) -> State:
    """The state of values, of which some may be missing; in one tile, with the others not touched."""
    tile = [None, aggregate.zero()]
    aggregate.fold(1, [tile] * len(values), values, orders or [(0, 0, at) for at in range(len(values))])
    return tile[1]


def answer(aggregate: Aggregate, values: list[Any], orders: list[Order] | None = None) -> Any:
    """What the aggregate answers for values; the same after packing, and merged with nothing from either side."""
    state = folded(aggregate, values, orders)
    found = aggregate.present(state)
    assert aggregate.present(aggregate.unpack(aggregate.pack(state))) == found
    assert aggregate.present(aggregate.merge(aggregate.zero(), folded(aggregate, values, orders))) == found
    assert aggregate.present(aggregate.merge(folded(aggregate, values, orders), aggregate.zero())) == found
    return found


def nothing(aggregate: Aggregate) -> Any:
    """What it answers where there is no value: of no event, of events without one, and of empty tiles merged."""
    found = answer(aggregate, [])
    assert answer(aggregate, [None, None]) == found
    assert aggregate.present(aggregate.merge(aggregate.zero(), aggregate.zero())) == found
    return found


def merged_in_pieces(aggregate: Aggregate, values: list[Any], rng: random.Random) -> State:
    """Folded in pieces of all sizes, each packed or not, merged in any order onto zero."""
    pieces, at = [], 0
    while at < len(values):
        size = rng.choice([1, 10, 300, 3000])
        piece = folded(aggregate, values[at : at + size])
        pieces.append(aggregate.unpack(aggregate.pack(piece)) if rng.random() < 0.5 else piece)
        at += size
    rng.shuffle(pieces)
    state = aggregate.zero()
    for piece in pieces:
        state = aggregate.merge(state, piece)
    return state
