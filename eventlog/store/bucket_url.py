"""The URL of a bucket and of a place in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

SCHEMES = {"s3": "s3://bucket/prefix", "gs": "gs://bucket/prefix", "az": "az://container/prefix"}
"""What a URL begins with, and how it goes on."""
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*").fullmatch
_PART = re.compile(r"(?!\.+$)[A-Za-z0-9._=+-]+").fullmatch


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """Where in which bucket a store is. Keys stand in no URL: it is shown, logged and sent to workers.

    Attributes
    ----------
    scheme
        One of `SCHEMES`.
    bucket
        Its name; Azure's word is container.
    prefix
        What all names begin with, without ``/`` at its ends; may be empty.
    """

    scheme: str
    bucket: str
    prefix: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a URL.

        Raises
        ------
        ValueError
            Saying what would be right.

        >>> BucketUrl.of("s3://bucket/a/b/")
        BucketUrl(scheme='s3', bucket='bucket', prefix='a/b')
        >>> str(BucketUrl.of("gs://bucket"))
        'gs://bucket'
        """
        scheme, _, rest = text.partition("://")
        if scheme not in SCHEMES:
            raise ValueError(f"{text!r} is no store; write a folder, or one of {', '.join(SCHEMES.values())}")
        bucket, _, prefix = rest.rstrip("/").partition("/")
        if not _BUCKET(bucket) or not all(map(_PART, prefix.split("/") if prefix else ())):
            raise ValueError(
                f"{text!r} is no URL of a store; write {SCHEMES[scheme]}, each part of letters, digits and ._=+-"
                " (keys and endpoint are taken from the environment)"
            )
        return cls(scheme, bucket, prefix)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}{'/' if self.prefix else ''}{self.prefix}"
