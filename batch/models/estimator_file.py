"""How an estimator that LightGBM does not store itself becomes a file, and comes back.

With `skops`: a file of arrays and names of types. No code of the file runs when it is opened, only that of the types
which it names, and those are the ones that skops trusts by default and `TRUSTED`. What has other parts, such as a class
of the user's own, can only be pickled; a pickle runs what its maker wanted, so that has to be allowed.
"""

from __future__ import annotations

import pickle
from typing import Any, Literal

from batch.errors import EstimatorNotStoredError

Kind = Literal["skops", "pickle"]

TRUSTED = (
    # Trees as tables of nodes. A crafted table could lead out of bounds, and so skops leaves the decision to who knows
    # where a file comes from: here its sha256 stands in a manifest, and that of the manifest in the log.
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    # Distances in C; not PyFuncDistance64, which calls what it is given.
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    # Plain classes inside of estimators, which hold numbers.
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.DotProduct",
    "sklearn.gaussian_process.kernels.ExpSineSquared",
    "sklearn.gaussian_process.kernels.Exponentiation",
    "sklearn.gaussian_process.kernels.Matern",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.gaussian_process.kernels.RationalQuadratic",
    "sklearn.gaussian_process.kernels.Sum",
    "sklearn.gaussian_process.kernels.WhiteKernel",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.TimeSeriesSplit",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._bunch.Bunch",
    # Functions that only compute with arrays: how features are chosen and checked, how searches score.
    "functools.partial",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._mutual_info.mutual_info_regression",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.feature_selection._univariate_selection.r_regression",
    "sklearn.metrics._classification.log_loss",
    "sklearn.metrics._regression.mean_absolute_error",
    "sklearn.metrics._regression.mean_squared_error",
    "sklearn.utils.validation.check_array",
    # Types of columns: read by NumPy, which is told to unpickle nothing.
    "numpy.dtype",
    # LightGBM inside of a pipeline or an ensemble: it reads its own text format, as it does from its own files.
    "collections.OrderedDict",
    "collections.defaultdict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
)
"""Types beyond those of skops, each looked at: neither making one nor setting its state calls what a file can name."""


def pack(estimator: Any, pickles: bool) -> tuple[Kind, bytes, Any]:
    """The kind and the content of the file of a fitted estimator, and what comes out of it.

    Parameters
    ----------
    pickles
        Whether it may be a pickle, where nothing else can hold it.

    Raises
    ------
    EstimatorNotStoredError
        If only a pickle could hold it, and that is not allowed.
    Exception
        Whatever pickling raises, where it is.
    """
    try:
        content = _packed(estimator)
        return "skops", content, unpack("skops", content)  # now, not when it is to serve: this too may be refused
    except Exception as error:  # skops meets what users made of their estimators, which may refuse in any way
        if not pickles:
            raise EstimatorNotStoredError(type(estimator).__name__, _reason(error)) from error
    content = pickle.dumps(estimator)
    return "pickle", content, unpack("pickle", content)


def unpack(kind: Kind, content: bytes) -> Any:
    """The estimator. The caller knows that a pickle may be opened and who made it: see `batch.models.pickled_files`."""
    if kind == "pickle":
        return pickle.loads(content)
    from skops import io  # it imports all of scikit-learn, to know its types: only who needs it pays for that

    return io.loads(content, trusted=list(TRUSTED))


def _packed(estimator: Any) -> bytes:
    from skops import io

    content: bytes = io.dumps(estimator)
    return content


def _reason(error: Exception) -> str:
    """What kept it from being stored, in one line."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
