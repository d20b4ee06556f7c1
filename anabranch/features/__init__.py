"""Features: what a features function looks up and returns, and the fold that asks it. Read `fold` first.

- `fold`: the fold of views and features together, which every layer runs
- `stretch`: consecutive events, and the tiles that they touch as they stand before each of them
- `lookups`: views as a features function asks for them; `window`: the tiles of one key that it gets, merged
- `plain`: what it returns, as plain data
"""

from anabranch.features.plain import Feature, Features, last_line, plain_features

__all__ = ["Feature", "Features", "last_line", "plain_features"]
