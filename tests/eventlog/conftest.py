from tests.databases import database, postgresql, postgresql_server, postgresql_url, sqlite_url

__all__ = ["database", "postgresql", "postgresql_server", "postgresql_url", "sqlite_url"]
