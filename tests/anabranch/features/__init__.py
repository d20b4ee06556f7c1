"""How views are looked up, and the fold that asks features functions."""
