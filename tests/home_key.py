"""The key of the homes that tests make without a process."""

from eventlog.home_key import HomeKey

KEY = HomeKey(b"only tests know this, all 32 bytes")
