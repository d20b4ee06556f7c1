"""The definition language: what it takes, what it refuses and how it says so, and the fold."""
