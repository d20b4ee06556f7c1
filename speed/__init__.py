"""The speed layer: folds the log event by event, and never loses its place.

Read `state` first, then `fold` (the pure fold over segments) and `decision_effects` (what the system's own events do to
it). `learning` is what it knows of a model, `blend` how predictions are weighed.

Others read it by way of `reader`, and see neither the state nor its lock: `live_reader` reads a fold that goes on,
`still_reader` one that has ended; what both share is `state_reader`, with `tile_selection`, `key_index` (a page costs
what a page costs), `epoch_sizes`, `lag` and `cut_waiters`.

`catch_up` is the loop around the fold. `consumer` runs it in a thread for a service, `offline_fold` once for a command;
`view_fold` folds the views alone, for snapshots, and knows what has changed. `checkpoint` makes (cut, state) durable
together, `checkpointing` says when, and puts one into the store now and then where homes share it
(`shared_checkpoints`); `recovery` decides where to begin after a stop; `outbox` holds what the fold gives
to the log.
"""

from speed.checkpoint import Checkpoints
from speed.consumer import Consumer
from speed.errors import CheckpointError, SpeedError
from speed.fold import apply
from speed.reader import SpeedReader
from speed.state import Epoch, SpeedState

__all__ = [
    "CheckpointError",
    "Checkpoints",
    "Consumer",
    "Epoch",
    "SpeedError",
    "SpeedReader",
    "SpeedState",
    "apply",
]
