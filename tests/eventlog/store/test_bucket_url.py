from __future__ import annotations

import pytest

from eventlog.store.bucket_url import BucketUrl


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/a/b.c/", "s3://bucket/a/b.c"),
        ("gs://some_bucket/day=1", "gs://some_bucket/day=1"),
        ("az://container/prefix", "az://container/prefix"),
    ],
)
def test_a_url_is_told_as_it_was_written(text: str, told: str) -> None:
    assert str(BucketUrl.of(text)) == told
    assert BucketUrl.of(told) == BucketUrl.of(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3:///prefix",
        "s3://key:secret@bucket/prefix",
        "s3://bucket/a//b",
        "s3://bucket/../b",
        "s3://bucket/a b",
        "s3://bucket/a?versionId=1",
        "s3://bucket/a#b",
        "s3://bucket/ä",
        "s3://bucket/a\n",
    ],
)
def test_what_is_no_url_of_a_store_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"write s3://bucket/prefix"):
        BucketUrl.of(text)


@pytest.mark.parametrize("text", ["http://bucket/a", "file:///a", "S3://bucket", "hdfs://a/b", "://a"])
def test_another_scheme_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"write a folder, or one of s3://bucket/prefix, gs://"):
        BucketUrl.of(text)
