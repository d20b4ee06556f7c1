"""Counting: how many events each stream has, how fast the log grew of late, how long commits take."""
