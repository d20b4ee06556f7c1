"""Dead letters are counted, dated and weighed, so that identical ones are one and the oldest can go."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, Text, text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Letters that are there count once each, and are joined to no other: nobody has compared them yet."""
    for column in (
        Column("count", BigInteger, nullable=False, server_default="1"),
        Column("last", BigInteger, nullable=False, server_default="0"),
        Column("bytes", BigInteger, nullable=False, server_default="0"),
        Column("digest", LargeBinary),
    ):
        op.add_column("dead_letters", column)
    # of a text SQLite tells the characters, PostgreSQL the bytes: only as bytes do both tell the same
    weight = (
        "length(body) + length(CAST(errors AS BLOB))"
        if op.get_bind().dialect.name == "sqlite"
        else "octet_length(body) + octet_length(errors)"
    )
    op.execute(text(f"UPDATE dead_letters SET last = received, bytes = {weight}"))
    op.drop_index("ix_dead_letters_stream", "dead_letters")
    op.create_index("dead_letters_by_age", "dead_letters", ["stream", "last", "id"])
    op.create_index("dead_letters_by_id", "dead_letters", ["stream", "id"])
    op.create_index("dead_letters_by_digest", "dead_letters", ["stream", "digest"])
    op.create_table(
        "dead_letter_totals",
        Column("stream", Text, primary_key=True),
        *(Column(name, BigInteger, nullable=False) for name in ("letters", "bytes", "waiting", "dropped", "added")),
    )
    op.execute(
        text(
            "INSERT INTO dead_letter_totals (stream, letters, bytes, waiting, dropped, added)"
            " SELECT stream, count(*), sum(bytes), count(*) - count(retried), 0, count(*)"
            " FROM dead_letters GROUP BY stream"
        )
    )
