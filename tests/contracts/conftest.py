from tests.databases import database, postgresql_server, postgresql_url, sqlite_url

__all__ = ["database", "postgresql_server", "postgresql_url", "sqlite_url"]
