from tests.buckets import bucket, s3_server
from tests.databases import database, postgresql, postgresql_server, postgresql_url, sqlite_url

__all__ = ["bucket", "database", "postgresql", "postgresql_server", "postgresql_url", "s3_server", "sqlite_url"]
