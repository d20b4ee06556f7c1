"""The store: where immutable things lie, a folder or a bucket, by URL. A name is written once and never again.

Read `store` first: it is the contract. `folder_store`, `memory_store` and `object_store` (buckets) keep it; `opening`
picks by URL. `blobs` knows files by their sha256, and hands out only what was held against it.
"""

from eventlog.store.store import Listed, Store

__all__ = ["Listed", "Store"]
