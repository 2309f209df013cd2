"""Arrays and sparse matrices: bit by bit as they were, and never with a pickle inside."""

import base64
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from helpers.kept import kept, read, words
from scipy import sparse

from jobs.artifacts import images

ARRAYS = [
    np.arange(10),
    np.array(5),
    np.zeros((3, 0)),
    np.array([1.5, np.nan, -np.inf]),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.array([1, 2], dtype=">i2"),
    np.array(["a", "ğ"]),
    np.array(["2026-01-01", "NaT"], dtype="datetime64[D]"),
    np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
    np.array([1j]),
    np.array([True, False]),
    np.arange(10)[::3],
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype} {array.shape}")
def test_an_array_comes_back_as_it_was(array):
    """Shape, type, order and every bit are kept, in a file that NumPy alone reads."""
    saved, loaded = kept(array, np.ndarray)
    assert saved.format == "npy" and not saved.notices and saved.type == "numpy.ndarray"
    assert type(loaded) is np.ndarray and loaded.dtype == array.dtype and loaded.shape == array.shape
    assert loaded.tobytes() == array.tobytes()
    assert loaded.flags.f_contiguous == array.flags.f_contiguous or not array.flags.c_contiguous
    np.load(saved.file, allow_pickle=False)


@pytest.mark.parametrize(
    "number", [np.datetime64("2026-01-01"), np.timedelta64(3, "s"), np.complex64(1j), np.longdouble("0.1")]
)
def test_a_number_that_python_lacks_stays_one_of_numpy(number):
    """Such a number is an array without dimensions, and comes back as a number."""
    saved, loaded = kept(number)
    assert saved.format == "npy" and type(loaded) is type(number) and loaded == number


@pytest.mark.parametrize(
    "array",
    [
        np.array([1, "a"], dtype=object),
        np.ma.array([1, 2], mask=[0, 1]),
        np.array(["a"], dtype=np.dtypes.StringDType()),
    ],
    ids=["objects", "masked", "strings"],
)
def test_what_npy_does_not_hold_is_told(array):
    """Arrays of objects and subclasses come back whole, from a pickle that says why."""
    saved, loaded = kept(array)
    assert saved.format == "cloudpickle" and type(loaded) is type(array) and len(words(saved)) == 1
    assert loaded.tolist() == array.tolist()


def test_a_file_with_a_pickle_inside_is_refused(tmp_path):
    """Whoever puts objects into the file runs nothing."""
    saved, _ = kept(np.arange(3))
    np.save(saved.file, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        read(saved, np.ndarray)


def test_a_dict_of_arrays_comes_back_under_its_keys():
    """Keys may be any text, and keep their order."""
    value = {"file": np.arange(3), "../b/c": np.eye(2), "": np.array(["x"])}
    saved, loaded = kept(value)
    assert saved.format == "npz" and list(loaded) == list(value)
    assert all((loaded[key] == value[key]).all() for key in value)
    for other in (np.array([{}]), np.array(["a"], dtype=np.dtypes.StringDType())):
        assert kept({"a": other})[0].format == "cloudpickle"


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_a_sparse_matrix_comes_back_in_its_layout(kind, layout):
    """Matrices stay matrices and arrays arrays, in a file that SciPy alone reads."""
    value = getattr(sparse, f"{layout}_{kind}")(np.diag([1.0, 0, 3]))
    saved, loaded = kept(value, type(value))
    assert saved.format == "npz" and type(loaded) is type(value) and (loaded != value).nnz == 0
    assert saved.type == f"scipy.sparse.{layout}_{kind}" and saved.metadata["shape"] == [3, 3]
    assert (sparse.load_npz(saved.file) != value).nnz == 0


def test_a_sparse_matrix_without_a_file_format_is_told():
    """A lil matrix is for building one; the log says how to convert it."""
    saved, loaded = kept(sparse.lil_matrix(np.eye(2)))
    assert saved.format == "cloudpickle" and ".tocsr()" in words(saved)[0] and loaded.shape == (2, 2)


@pytest.mark.parametrize(
    "value", [sparse.csr_matrix(np.eye(3)), {"a": np.arange(3)}, np.arange(3)], ids=["csr", "dict", "npy"]
)
def test_equal_arrays_are_equal_files(value, monkeypatch):
    """No file holds the time at which it was written."""
    import time

    first = kept(value)[0].file.read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert kept(value)[0].file.read_bytes() == first


def test_numbers_are_shown_as_a_histogram():
    """How the numbers of a large array are spread, without those that are none."""
    array = np.concatenate([np.arange(1000.0), [np.nan, np.inf]])
    shown = kept(array)[0].preview
    assert (shown["kind"], shown["shape"], shown["min"], shown["max"]) == ("histogram", [1002], 0.0, 999.0)
    assert sum(shown["counts"]) == 1000 and len(shown["edges"]) == len(shown["counts"]) + 1 and not shown["sampled"]


@pytest.mark.parametrize("array", [np.zeros(3_000_000, "int8"), np.zeros((2000, 1500), "int8", order="F")])
def test_a_large_array_is_shown_by_a_sample(array):
    """The preview does not read all of it."""
    assert kept(array)[0].preview["sampled"] is True


def test_small_arrays_are_shown_as_tables():
    """Up to 200 numbers are shown themselves."""
    assert kept(np.arange(6).reshape(2, 3))[0].preview["rows"] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((30, 40, 3), 200, "uint8"),
        np.full((30, 40, 4), 0.5),
        np.random.default_rng(0).integers(0, 256, (3000, 2000, 3)).astype("uint8"),
    ],
    ids=["bytes", "shares", "noise"],
)
def test_pictures_are_shown_as_pictures(pixels):
    """An array of height x width x 3 or 4 is a PNG of at most 45 kB."""
    shown = kept(pixels)[0].preview
    data = base64.b64decode(shown["data"])
    assert shown["kind"] == "picture" and images.media_type(data) == "image/png" == shown["media_type"]
    assert (shown["height"], shown["width"]) == pixels.shape[:2]


def test_the_png_is_one():
    """What the writer of PNG writes, Pillow reads."""
    import io

    from PIL import Image

    pixels = np.arange(10 * 9 * 3, dtype="uint8").reshape(10, 9, 3)
    assert (np.asarray(Image.open(io.BytesIO(images.png(pixels)))) == pixels).all()


def test_numbers_beyond_pictures_are_none():
    """Floats that are no shares of light are a histogram."""
    assert kept(np.full((30, 40, 3), np.nan))[0].preview["kind"] == "histogram"


def test_a_damaged_archive_is_noticed():
    """A bit that changed in an archive does not become a number."""
    saved, _ = kept({"a": np.zeros(1000)}, Any)
    data = bytearray(saved.file.read_bytes())
    data[len(data) // 2] ^= 1
    saved.file.write_bytes(data)
    with pytest.raises((zipfile.BadZipFile, ValueError, zlib.error)):
        read(saved)
