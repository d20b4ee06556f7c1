"""The aggregates. Each is a commutative monoid with a true zero and plain-data state; read `aggregate` first."""

from anabranch.agg.count import count

__all__ = ["count"]
