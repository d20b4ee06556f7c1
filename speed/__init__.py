"""The speed layer: folds the log event by event, and never loses its place.

Read `state` first: epochs, and `apply`, the pure fold over segments. `checkpoint` makes (cut, state) durable
together; `recovery` decides where to begin after a stop; `consumer` is the thread that does it all inside `up`.
"""

from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from speed.errors import CheckpointError, SpeedError
from speed.state import Epoch, SpeedState, apply

__all__ = [
    "CheckpointError",
    "Checkpoints",
    "Consumer",
    "Epoch",
    "SpeedError",
    "SpeedState",
    "apply",
]
