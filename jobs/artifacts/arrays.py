"""Arrays of NumPy and sparse matrices of SciPy: `.npy` and `.npz`, never with pickled objects in them."""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from jobs.artifacts import images, previews
from jobs.artifacts.annotations import library, mentions, type_name
from jobs.artifacts.archives import zip_written
from jobs.artifacts.errors import LossyError
from jobs.artifacts.saved import Saved, Stored
from jobs.artifacts.tagged import is_plain_number
from store.messages import Message

KEYS = "keys.json"  # in the file of a dict of arrays: its keys, in order
SAMPLE = 1_000_000
BINS = 30


def save(value: Any, annotation: Any, folder: Path) -> Saved | None:
    """Save an array, a dict of arrays or a sparse matrix; None if it is none of these."""
    if "numpy" not in sys.modules:
        return None
    if _is_array(value):
        return _save_array(value, annotation, folder)
    if type(value) is dict and value and all(type(key) is str and _is_array(each) for key, each in value.items()):
        return _save_dict(value, annotation, folder)
    is_sparse = getattr(sys.modules.get("scipy.sparse"), "issparse", None)
    if is_sparse is not None and is_sparse(value):
        return _save_sparse(value, annotation, folder)
    return None


def load_npy(stored: Stored) -> object:
    import numpy

    loaded = numpy.load(stored.file, allow_pickle=False)
    single = stored.type not in ("", "numpy.ndarray", "numpy.memmap") or mentions(stored.annotation, loaded.dtype.type)
    return loaded[()] if single and loaded.ndim == 0 else loaded


def load_npz(stored: Stored) -> object:
    """The dict of arrays or sparse matrix in a file; the file itself says which."""
    import numpy

    with numpy.load(stored.file, allow_pickle=False) as arrays, zipfile.ZipFile(stored.file) as archive:
        if KEYS in archive.namelist():
            return {key: arrays[str(number)] for number, key in enumerate(json.loads(archive.read(KEYS)))}
    from scipy import sparse

    return sparse.load_npz(stored.file)


def _is_array(value: object) -> bool:
    """Whether it is an array, or a number that Python has no type for. Subclasses hold more than a file would."""
    if type(value) is library("numpy", "ndarray") or type(value) is library("numpy", "memmap"):
        return True
    return isinstance(value, library("numpy", "generic")) and not is_plain_number(value)


def _save_array(value: Any, annotation: Any, folder: Path) -> Saved:
    import numpy

    preview = preview_of(value)
    if value.dtype.hasobject:
        raise LossyError(Message("array_of_objects"), preview)
    file = folder / "array.npy"
    try:
        numpy.save(file, value, allow_pickle=False)
    except ValueError as error:
        file.unlink()
        raise LossyError(Message("array_refused", {"reason": str(error).rstrip(".")}), preview) from error
    facts = {"shape": list(value.shape), "dtype": str(value.dtype)}
    return Saved(type_name(value, annotation), "npy", file=file, preview=preview, metadata=facts)


def _save_dict(value: dict[str, Any], annotation: Any, folder: Path) -> Saved:
    from numpy.lib import format as npy

    preview = previews.tree({key: f"{each.dtype} {list(each.shape)}" for key, each in value.items()}, lambda each: each)
    if any(each.dtype.hasobject for each in value.values()):
        raise LossyError(Message("array_of_objects"), preview)
    file = folder / "arrays.npz"
    try:
        with zip_written(file) as opened:
            with opened(KEYS) as member:
                member.write(json.dumps(list(value)).encode())
            for number, each in enumerate(value.values()):
                with opened(f"{number}.npy") as member:
                    npy.write_array(member, each, allow_pickle=False)
    except ValueError as error:
        file.unlink()
        raise LossyError(Message("array_refused", {"reason": str(error).rstrip(".")}), preview) from error
    return Saved(type_name(value, annotation), "npz", file=file, preview=preview, metadata={"length": len(value)})


def _save_sparse(value: Any, annotation: Any, folder: Path) -> Saved:
    """Save what scipy.sparse.save_npz writes, without the time that it writes into the file, so that equal matrices are
    equal files."""
    from scipy import sparse

    held = int(getattr(value, "nnz", 0))
    cells = int(value.shape[0] * value.shape[1]) if value.ndim == 2 else int(value.shape[0])
    facts = {
        "shape": list(value.shape),
        "dtype": str(value.dtype),
        "layout": value.format,
        "stored": held,
        "density": held / cells if cells else 0.0,
    }
    preview = previews.tree(facts, lambda each: each)
    stamped, file = folder / "stamped.npz", folder / "sparse.npz"
    try:
        sparse.save_npz(stamped, value, compressed=False)
    except (NotImplementedError, ValueError, AttributeError) as error:  # lil and dok matrices have no file format
        stamped.unlink(missing_ok=True)
        raise LossyError(Message("sparse_refused", {"layout": value.format}), preview) from error
    with zipfile.ZipFile(stamped) as source, zip_written(file) as opened:
        for name in source.namelist():
            with opened(name) as member, source.open(name) as stream:
                while chunk := stream.read(1 << 20):
                    member.write(chunk)
    stamped.unlink()
    return Saved(type_name(value, annotation), "npz", file=file, preview=preview, metadata=facts)


def preview_of(value: Any) -> previews.Preview:
    """A picture of what is shaped like one, the values of a small table, else how the numbers are spread."""
    import numpy

    if picture := images.of_array(value):
        return picture
    if value.ndim in (1, 2) and 0 < value.size <= 200 and value.dtype.names is None:
        rows = value.reshape(len(value), -1).tolist()
        columns: list[previews.Column] = [{"name": str(at), "type": str(value.dtype)} for at in range(len(rows[0]))]
        return previews.table(columns, rows, len(rows), len(rows[0]))
    step = max(1, value.size // SAMPLE)
    if value.dtype.kind not in "biuf" or value.size == 0:
        facts = {"shape": list(value.shape), "dtype": str(value.dtype)}
        some = value.reshape(-1)[:20].tolist() if value.dtype.names is None and not value.dtype.hasobject else []
        return previews.tree(facts | ({"first": some} if some else {}), lambda each: each)
    sample = value.reshape(-1)[::step] if value.flags.c_contiguous else numpy.asarray(value.flat[::step][:SAMPLE])
    numbers = sample.astype(float)
    numbers = numbers[numpy.isfinite(numbers)]
    counts, edges = _spread(numbers) if numbers.size else ([], [])
    ends = (numbers.min(), numbers.mean(), numbers.max()) if numbers.size else (None, None, None)
    return {
        "kind": "histogram",
        "shape": list(value.shape),
        "dtype": str(value.dtype),
        "min": previews.cell(ends[0]),
        "mean": previews.cell(ends[1]),
        "max": previews.cell(ends[2]),
        "counts": counts,
        "edges": edges,
        "sampled": step > 1,
    }


def _spread(numbers: Any) -> tuple[list[int], list[float]]:
    import numpy

    counts, edges = numpy.histogram(numbers, bins=BINS)
    return counts.tolist(), edges.tolist()
