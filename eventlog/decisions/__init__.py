"""What the system itself writes into the log, as frozen types. Read `decision` first.

===========================  =========================================================================
module                       what is here
===========================  =========================================================================
`decision`                   `Decision`: any of the system's own stream, and `decision_of` a record
`batch_decisions`            a batch run began, published, failed
`event_retracted`            an event was taken out
`model_decisions`            a version was promoted, rolled back; drift was detected
`feature_sample`             what the speed layer froze of an example, in a stream of its own
`recorded_prediction`        what a model answered, in a stream of its own
`champions`                  the fold of decisions to who is champion
`history`                    the decisions of a log so far, and which generations were published
`event_fields`               reading what was written, field by field, with the place of what is wrong
===========================  =========================================================================

Each class has ``of(record)``, which raises `eventlog.errors.CorruptLogError` with the place and the field if the record
is not what was written, and ``event()``, what is written. The log is for ever: what ``event()`` returns must stay as it
is, to the letter.
"""

from eventlog.decisions.batch_decisions import BatchFailed, BatchStarted, Publication
from eventlog.decisions.champions import Champions, champions_by_model
from eventlog.decisions.decision import Decision, UnknownDecision, decision_of, decisions_of, retracted_by
from eventlog.decisions.event_retracted import EventRetracted
from eventlog.decisions.feature_sample import FEATURES, FeatureSample
from eventlog.decisions.history import decisions, placed_publications, publications
from eventlog.decisions.model_decisions import DriftDetected, ModelPromoted, ModelRolledBack
from eventlog.decisions.recorded_prediction import PREDICTIONS, RecordedPrediction

__all__ = [
    "FEATURES",
    "PREDICTIONS",
    "BatchFailed",
    "BatchStarted",
    "Champions",
    "Decision",
    "DriftDetected",
    "EventRetracted",
    "FeatureSample",
    "ModelPromoted",
    "ModelRolledBack",
    "Publication",
    "RecordedPrediction",
    "UnknownDecision",
    "champions_by_model",
    "decision_of",
    "decisions",
    "decisions_of",
    "placed_publications",
    "publications",
    "retracted_by",
]
