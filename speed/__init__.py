"""The speed layer: folds the log event by event, and never loses its place.

Read `state` first, then `fold` (the pure fold over segments) and `markers` (what the system's own events do to it).
`learner` is the state of one model: it tests and trains the `expert`s and the `blend`, keeps `scores`, joins labels
that come later (`label_join`) and watches for `drift`; `forecast` is its answer. `checkpoint` makes (cut, state)
durable together; `recovery` decides where to begin after a stop; `consumer` is the thread that does it all in `up`.
"""

from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from speed.errors import CheckpointError, SpeedError
from speed.fold import apply
from speed.state import Epoch, SpeedState

__all__ = [
    "CheckpointError",
    "Checkpoints",
    "Consumer",
    "Epoch",
    "SpeedError",
    "SpeedState",
    "apply",
]
