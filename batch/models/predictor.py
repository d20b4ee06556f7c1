"""A version of a model, ready to predict: opened from its file, never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.features import Features
from anabranch.model import LabelValue, Task
from batch.errors import ModelFileError
from batch.models.encoding import Encoding
from batch.models.estimator_file import Kind, unpack
from eventlog.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    import numpy as np

Raw = Callable[["np.ndarray"], "np.ndarray"]
"""From a matrix of features, `n × n_features`, to `n` predictions, or to probabilities, `n × n_classes` (of a binary
LightGBM: `n`, of the second class)."""
Parts = list[float] | list[dict[LabelValue, float]]


class VersionPredictor:
    """Predicts by one version of a model. Safe to use from many threads.

    Parameters
    ----------
    version
        The number of the generation that trained it.
    task
        That of the model.
    encoding
        What turns features into numbers.
    classes
        The labels, in the order of the columns of probabilities; empty in a regression.
    raw
        The estimator.
    """

    def __init__(self, version: int, task: Task, encoding: Encoding, classes: Sequence[LabelValue], raw: Raw):
        self.version = version
        self.encoding = encoding
        self._task = task
        self.classes = list(classes)
        self.raw = raw

    @classmethod
    def open(cls, version: int, task: Task, held: Mapping[str, Any], path: Path) -> VersionPredictor:
        """Open a file of a model, whose bytes were verified before; a pickle also by `batch.models.pickled_files`.

        Parameters
        ----------
        held
            What the manifest says: ``format`` and ``encoding``, there also the ``classes``.

        Raises
        ------
        ModelFileError
            If it cannot be opened.
        eventlog.store.errors.StoreUnavailableError, MemoryError
            If it cannot be opened now; that says nothing of the version.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreUnavailableError(str(path.parent), path.name, error) from error
        try:
            raw = _OPENERS[held["format"]](content)
        except MemoryError:
            raise
        except Exception as error:  # whatever a library runs into
            raise ModelFileError(path, f"{type(error).__name__}: {error}".splitlines()[0]) from error
        return cls(version, task, Encoding.of(held["encoding"]), held["encoding"]["classes"], raw)

    def predict(self, rows: Sequence[Features]) -> Parts:
        """The prediction for each row: a number, or the probability of every class."""
        if not rows:
            return []
        return self.present(self.raw(self.encoding.matrix(rows)))

    def present(self, raw: np.ndarray) -> Parts:
        """What `Raw` answered as numbers, or as probabilities by class."""
        found: list[Any] = raw.tolist()
        if self._task == "regression":
            return found
        classes = self.classes
        if raw.ndim == 1:
            no, yes = classes
            return [{no: 1.0 - p, yes: p} for p in found]
        missing: list[LabelValue] = []
        if self._task == "binary":
            missing = [label for label in (False, True) if label not in classes]
        absent: dict[LabelValue, float] = dict.fromkeys(missing, 0.0)
        return [{**dict(zip(classes, row, strict=True)), **absent} for row in found]


def _lightgbm(content: bytes) -> Raw:
    """A model in LightGBM's own text format."""
    from lightgbm import Booster

    booster = Booster(model_str=content.decode())
    # a single row is done before threads have started, and many threads may ask
    return lambda matrix: booster.predict(matrix, num_threads=1, predict_disable_shape_check=True)  # type: ignore[return-value]  # dense in, dense out


def _estimator(kind: Kind, content: bytes) -> Raw:
    """An estimator of scikit-learn, or in the manner of it."""
    from threadpoolctl import ThreadpoolController

    estimator = unpack(kind, content)
    raw: Raw = getattr(estimator, "predict_proba", None) or estimator.predict
    threads = ThreadpoolController()

    def predict(matrix: np.ndarray) -> np.ndarray:
        with threads.limit(limits=1, user_api="openmp"):  # of this thread alone
            return _in_blocks(raw, matrix)

    return predict


BLOCK = 64


def _in_blocks(raw: Raw, matrix: np.ndarray) -> np.ndarray:
    """Predict in blocks of one size.

    The libraries below linear models round differently for other numbers of rows, and the prediction of a row must not
    depend on which others are asked for beside it: a fold that is resumed would not be the same to the bit.
    """
    import numpy as np

    count, width = matrix.shape
    padded = np.zeros((-(-count // BLOCK) * BLOCK, width))
    padded[:count] = matrix
    return np.concatenate([raw(padded[at : at + BLOCK]) for at in range(0, len(padded), BLOCK)])[:count]


_OPENERS: dict[str, Callable[[bytes], Raw]] = {
    "lightgbm": _lightgbm,
    "skops": partial(_estimator, "skops"),
    "pickle": partial(_estimator, "pickle"),
}
