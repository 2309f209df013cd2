"""The algorithms, each with the params that it uses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from jobs.pipelines import Param
from jobs.pipelines.params import Params
from store.errors import InvalidError
from store.messages import Message

# scikit-learn is imported where an estimator is made: pages and programs that only read this table never need it.

Task = Literal["classification", "regression"]

TREES_PER_EPOCH = 10
# The algorithm that is proposed for each task.
FIRST_CHOICE: dict[str, str] = {
    "classification": "logistic_regression",
    "regression": "hist_gradient_boosting_regressor",
}
# What an algorithm that cannot learn in blocks may hold of the rows; it makes several copies of them.
IN_MEMORY_BYTES = 256 << 20
# It makes so many times the copies where it takes categories as such.
COPIES_OF_CATEGORIES = 2


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A recipe; `make(params, random, classes)` gives an estimator that has not learned anything yet, for so many
    classes, or for a number where they are 0."""

    key: str
    label: str
    task: Task
    sentence: str
    params: tuple[Param, ...]
    aliases: tuple[str, ...]
    make: Callable[[Params, Any, int], Any]
    loss: Literal["log", "hinge", "perceptron", "squared"]
    epoch: str = "one pass over the training rows, in new random order"
    in_memory: bool = False
    # Whether it takes a category as such, and needs no column for each of its values.
    native: bool = False

    @property
    def lower_label(self) -> str:
        """Return the label as in the middle of a sentence: linear SVM."""
        return self.label[0].lower() + self.label[1:]


def most_rows(width: int) -> int:
    """Return how many rows of this width an algorithm learns from that needs them all in memory."""
    return max(1_000, IN_MEMORY_BYTES // (8 * width))


def get(key_or_alias: str) -> Algorithm:
    """Return the algorithm of this key or short code."""
    wanted = str(key_or_alias).strip()
    for algorithm in ALGORITHMS.values():
        if wanted.casefold() == algorithm.key or wanted.upper() in algorithm.aliases:
            return algorithm
    raise InvalidError(Message("no_such_algorithm", {"given": wanted[:40], "known": [*ALGORITHMS]}), "algorithm")


def chosen(params: Params) -> Algorithm:
    """Return the algorithm among chosen params, or the first choice where none is."""
    return get(params.get("algorithm") or FIRST_CHOICE["classification"])


def _sgd(params: Params, random: Any, **fixed: Any) -> Any:
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(
        learning_rate="constant", eta0=params["learning_rate"], alpha=params["alpha"], random_state=random, **fixed
    )


def _logistic_regression(params: Params, random: Any, classes: int) -> Any:
    if classes <= 2:
        return _sgd(params, random, loss="log_loss")
    from jobs.tabular.softmax import SoftmaxRegression

    return SoftmaxRegression(params["learning_rate"], params["alpha"], random)


def _linear_svm(params: Params, random: Any, _classes: int) -> Any:
    return _sgd(params, random, loss="hinge")


def _perceptron(params: Params, random: Any, _classes: int) -> Any:
    # With a penalty that is felt: without one, a perceptron that starts at zero gives the same answers for every
    # learning rate.
    return _sgd(params, random, loss="perceptron", penalty="l2")


def _passive_aggressive(params: Params, random: Any, _classes: int) -> Any:
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(
        loss="hinge", penalty=None, learning_rate=params["variant"], eta0=params["C"], random_state=random
    )


def _mlp_settings(params: Params, random: Any) -> dict[str, Any]:
    layers = tuple(int(width) for width in str(params["hidden_layers"]).split("-"))
    return {
        "hidden_layer_sizes": layers,
        "activation": params["activation"],
        "alpha": params["alpha"],
        "batch_size": params["batch_size"],
        "learning_rate_init": params["learning_rate"],
        "random_state": random,
    }


def _mlp(params: Params, random: Any, _classes: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(**_mlp_settings(params, random))


def _mlp_regressor(params: Params, random: Any, _classes: int) -> Any:
    from sklearn.neural_network import MLPRegressor

    return MLPRegressor(**_mlp_settings(params, random))


def _boosting_settings(params: Params) -> dict[str, Any]:
    return {
        "learning_rate": params["learning_rate"],
        "max_leaf_nodes": params["max_leaf_nodes"],
        "min_samples_leaf": params["min_samples_leaf"],
        "l2_regularization": params["l2_regularization"],
        "max_iter": TREES_PER_EPOCH,
        "warm_start": True,
        "early_stopping": False,
        "random_state": 0,
    }


def _boosting(params: Params, _random: Any, _classes: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**_boosting_settings(params))


def _boosting_regressor(params: Params, _random: Any, _classes: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**_boosting_settings(params))


def _sgd_regressor(params: Params, random: Any, _classes: int) -> Any:
    from sklearn.linear_model import SGDRegressor

    return SGDRegressor(
        learning_rate="invscaling", eta0=params["learning_rate"], alpha=params["alpha"], random_state=random
    )


def _learning_rate(default: float = 0.01, high: float = 10.0) -> Param:
    return Param(
        "learning_rate",
        "float",
        default,
        "Learning rate",
        "How big each correction is. Too small learns slowly, too big never settles.",
        low=1e-6,
        high=high,
        logarithmic=True,
    )


def _alpha(default: float = 0.0001) -> Param:
    return Param(
        "alpha",
        "float",
        default,
        "L2 penalty (alpha)",
        "Keeps weights small, which avoids fitting noise. 0 turns it off.",
        low=0.0,
        high=10.0,
        advanced=True,
    )


_EPOCHS = Param(
    "epochs", "int", 10, "Epochs", "How many times training passes over the training rows.", low=1, high=10_000
)
_TREE_EPOCHS = Param(
    "epochs",
    "int",
    10,
    "Epochs",
    f"Each epoch adds {TREES_PER_EPOCH} trees (to each class, where there are more than two).",
    low=1,
    high=1_000,
)
RANDOM_STATE = Param(
    "random_state",
    "int",
    42,
    "Random seed",
    "The same seed gives the same result.",
    low=0,
    high=2**32 - 1,
    advanced=True,
)
_BATCH = Param(
    "batch_size",
    "int",
    32,
    "Batch size",
    "Rows used for each correction. Larger batches are faster and smoother.",
    low=1,
    high=65_536,
)
_LAYERS = Param(
    "hidden_layers",
    "choice",
    "100",
    "Hidden layers",
    "Neurons in each layer.",
    advanced=True,
    choices=("16", "32", "50", "100", "200", "32-16", "64-32", "100-50", "128-64-32"),
)
_ACTIVATION = Param(
    "activation",
    "choice",
    "relu",
    "Activation",
    "The function that each neuron applies.",
    choices=("relu", "tanh", "logistic"),
    advanced=True,
)
_C = Param(
    "C",
    "float",
    0.01,
    "Aggressiveness (C)",
    "The biggest correction one row may cause.",
    low=1e-6,
    high=1_000.0,
    logarithmic=True,
)
_VARIANT = Param(
    "variant",
    "choice",
    "pa1",
    "Variant",
    "pa1 cuts corrections off at C, pa2 softens them.",
    choices=("pa1", "pa2"),
    advanced=True,
)
_LEAVES = Param(
    "max_leaf_nodes", "int", 31, "Leaves per tree", "Larger trees fit finer patterns, and noise.", low=2, high=1_000
)
_LEAF_ROWS = Param(
    "min_samples_leaf",
    "int",
    20,
    "Rows per leaf",
    "The fewest rows that a leaf may hold.",
    low=1,
    high=10_000,
    advanced=True,
)
_L2 = Param(
    "l2_regularization",
    "float",
    0.0,
    "L2 penalty",
    "Limits the weight of each tree, which avoids fitting noise.",
    low=0.0,
    high=1_000.0,
    advanced=True,
)
_WEIGHT = Param(
    "class_weight",
    "choice",
    "none",
    "Class weights",
    "balanced gives rare classes as much weight as frequent ones.",
    choices=("none", "balanced"),
    advanced=True,
)
_STOP = Param(
    "early_stopping",
    "bool",
    False,
    "Stop early",
    "Stop when the validation score no longer improves. The model of the best epoch is kept either way.",
)
_PATIENCE = Param(
    "patience",
    "int",
    5,
    "Patience",
    "Epochs without improvement before stopping early.",
    low=1,
    high=1_000,
    advanced=True,
)
_STOPPING = (_STOP, _PATIENCE)
_LINEAR = (_learning_rate(), _EPOCHS, _alpha(), _WEIGHT, RANDOM_STATE, *_STOPPING)
_NETWORK = (_learning_rate(high=1.0), _BATCH, _EPOCHS, _LAYERS, _ACTIVATION, _alpha())
_TREES = (_learning_rate(0.1, 1.0), _TREE_EPOCHS, _LEAVES, _LEAF_ROWS, _L2)
_GROWS = f"{TREES_PER_EPOCH} more trees"

_TABLE = (
    Algorithm(
        "logistic_regression",
        "Logistic regression",
        "classification",
        "A good first choice: fast, gives probabilities, and its weights can be read.",
        _LINEAR,
        ("LR",),
        _logistic_regression,
        "log",
    ),
    Algorithm(
        "linear_svm",
        "Linear SVM",
        "classification",
        "Looks for the widest gap between classes; good with many columns.",
        _LINEAR,
        ("SVM",),
        _linear_svm,
        "hinge",
    ),
    Algorithm(
        "perceptron",
        "Perceptron",
        "classification",
        "The simplest learner: corrects itself only when wrong; good as a yardstick.",
        (_learning_rate(), _EPOCHS, _alpha(0.001), _WEIGHT, RANDOM_STATE, *_STOPPING),
        ("PER",),
        _perceptron,
        "perceptron",
    ),
    Algorithm(
        "passive_aggressive",
        "Passive-aggressive",
        "classification",
        "Corrects itself just enough after every mistake; has no learning rate to tune.",
        (_C, _EPOCHS, _VARIANT, _WEIGHT, RANDOM_STATE, *_STOPPING),
        ("PA",),
        _passive_aggressive,
        "hinge",
    ),
    Algorithm(
        "mlp",
        "Neural network",
        "classification",
        "Finds curved and combined patterns; slower, and wants more rows.",
        (*_NETWORK, _WEIGHT, RANDOM_STATE, *_STOPPING),
        ("MLP",),
        _mlp,
        "log",
    ),
    Algorithm(
        "hist_gradient_boosting",
        "Boosting",
        "classification",
        "Many small trees that correct each other; often the best on tables of mixed columns.",
        (*_TREES, _WEIGHT, *_STOPPING),
        ("HGB",),
        _boosting,
        "log",
        _GROWS,
        in_memory=True,
        native=True,
    ),
    Algorithm(
        "sgd_regressor",
        "Linear regression",
        "regression",
        "Fits a weighted sum of the columns; fast, and its weights can be read.",
        (_learning_rate(high=1.0), _EPOCHS, _alpha(), RANDOM_STATE, *_STOPPING),
        ("SGDR",),
        _sgd_regressor,
        "squared",
    ),
    Algorithm(
        "mlp_regressor",
        "Neural network (numbers)",
        "regression",
        "Finds curved and combined patterns in a number; slower, and wants more rows.",
        (*_NETWORK, RANDOM_STATE, *_STOPPING),
        ("MLPR",),
        _mlp_regressor,
        "squared",
    ),
    Algorithm(
        "hist_gradient_boosting_regressor",
        "Boosting (numbers)",
        "regression",
        "Many small trees that correct each other; often the best at predicting a number.",
        (*_TREES, *_STOPPING),
        ("HGBR",),
        _boosting_regressor,
        "squared",
        _GROWS,
        in_memory=True,
        native=True,
    ),
)
ALGORITHMS: dict[str, Algorithm] = {algorithm.key: algorithm for algorithm in _TABLE}
