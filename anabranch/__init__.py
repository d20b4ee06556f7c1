"""The definition language: what an application is, and nothing that runs it.

Read `app` first (what a user writes), then `view` (the fold and the merge), then `agg` (the aggregates). `stream`,
`field` and `events` say what an event is; `cut` how much of the log something has seen. Of models: `model` (what one
is), `label` (one that arrives later) and the room `features` (how a features function looks views up, and the fold of
views and features together, which every layer runs). How an application's file and the modules beside it are found:
`load` and `application_modules`. When a definition is another one: `fingerprint`.
"""

from anabranch import agg
from anabranch.app import App
from anabranch.cut import Cut
from anabranch.errors import AnabranchError, CutError, DefinitionError
from anabranch.events import Events
from anabranch.label import Label
from anabranch.load import load_app
from anabranch.model import Model
from anabranch.stream import SYSTEM, Stream
from anabranch.view import View

__all__ = [
    "SYSTEM",
    "AnabranchError",
    "App",
    "Cut",
    "CutError",
    "DefinitionError",
    "Events",
    "Label",
    "Model",
    "Stream",
    "View",
    "agg",
    "load_app",
]
