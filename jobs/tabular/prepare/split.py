"""The split: which rows train, and which validate."""

import math

import numpy as np

from jobs.pipelines.params import Params
from jobs.tabular.facts import failure
from jobs.tabular.prepare.table import slices_of
from jobs.tabular.prepare.target import NO_LABEL, Target
from store.messages import Message, Notice

# With so many rows every class gets its share anyway, and drawing each row by itself needs no list of rows.
DRAWN_ROWS = 5_000_000

# What a row is used for.
UNUSED, TRAINING, VALIDATION = 0, 1, 2


def split(target: Target, params: Params) -> tuple[np.ndarray, list[Notice]]:
    """Return what each row of the table is used for, and what is to be known about it."""
    use = np.where(target.codes == NO_LABEL, np.int8(UNUSED), np.int8(TRAINING))
    notices: list[Notice] = []
    if target.usable > DRAWN_ROWS:
        random = random_for(params, "split")
        for part in slices_of(len(use)):
            drawn = random.random(len(use[part]), dtype=np.float32) < params["test_size"]
            use[part][drawn & (use[part] == TRAINING)] = VALIDATION
    else:
        notices = _split_exactly(target, params, use)
    if target.labels is not None:
        _train_every_class(target, use)
    return use, notices


def random_for(params: Params, purpose: str) -> np.random.Generator:
    """Return a source of chance that follows from the seed, and differs for each purpose."""
    return np.random.default_rng([params["random_state"], *purpose.encode()])


def _split_exactly(target: Target, params: Params, use: np.ndarray) -> list[Notice]:
    """Split as scikit-learn's train_test_split does with the same seed."""
    from sklearn.model_selection import train_test_split

    share, seed = params["test_size"], params["random_state"]
    stratify, notices = _stratify(target, params)
    usable = np.flatnonzero(use == TRAINING)
    if stratify:
        rows = drawn_by_class(target.codes[usable], share, seed)
    else:
        rows = train_test_split(np.arange(len(usable)), test_size=share, random_state=seed)[1]
    use[usable[rows]] = VALIDATION
    return notices


def drawn_by_class(codes: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return the rows that a stratified train_test_split draws, without the Python lists that make it slow."""
    random = np.random.RandomState(seed)
    counts = np.bincount(codes)
    validating = math.ceil(share * len(codes))
    training_by_class = _shares(counts, len(codes) - validating, random)
    validating_by_class = _shares(counts - training_by_class, validating, random)
    drawn, own = [], np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    for rows, first, count in zip(own, training_by_class, validating_by_class, strict=True):
        drawn.append(rows[random.permutation(len(rows))[first : first + count]])
    return np.concatenate(drawn)


def _shares(counts: np.ndarray, total: int, random: np.random.RandomState) -> np.ndarray:
    """Share `total` among classes in proportion to their counts, by largest remainders, ties drawn at random.

    It draws as scikit-learn's own function does, so that both split alike; a test compares them."""
    exact = counts / counts.sum() * total
    shares: np.ndarray = np.floor(exact)
    left = int(total - shares.sum())
    remainders = exact - shares
    for remainder in np.unique(remainders)[::-1]:
        if left <= 0:
            break
        (tied,) = np.where(remainders == remainder)
        chosen = random.choice(tied, size=min(len(tied), left), replace=False)
        shares[chosen] += 1
        left -= len(chosen)
    return shares.astype(int)


def _train_every_class(target: Target, use: np.ndarray) -> None:
    """Give one row back to training for each class whose rows were all drawn for validation."""
    assert target.labels is not None
    counts = np.zeros(len(target.labels), dtype=np.int64)
    for part in slices_of(len(use)):
        counts += np.bincount(target.codes[part][use[part] == TRAINING], minlength=len(counts))
    for code in np.flatnonzero(counts == 0):
        use[np.flatnonzero(target.codes == code)[0]] = TRAINING
    if not (use == VALIDATION).any():
        raise failure("no_validation_rows")


def _stratify(target: Target, params: Params) -> tuple[bool, list[Notice]]:
    """Return whether classes get the same share of both parts, and if they cannot, why."""
    if target.labels is None:
        return False, []
    name = params["target"]
    validating = target.usable * params["test_size"]
    single = [str(label) for label, count in zip(target.labels, target.counts, strict=True) if count < 2]
    if single:
        message = Message("label_once", {"column": name, "labels": [*single[:3]]})
        return False, [Notice(message, "warning", name)]
    if min(validating, target.usable - validating) < len(target.labels):
        return False, [Notice(Message("fewer_rows_than_classes", {"column": name}), "warning", name)]
    return True, []
