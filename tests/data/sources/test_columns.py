"""Files by the million in a few arrays."""

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nst_keras.data.sources.columns import PictureFiles
from nst_keras.data.sources.picture_files import Inside, PictureFile

NUMBERS = st.integers(0, 2**40)
INSIDE = st.builds(Inside, NUMBERS, NUMBERS, st.integers(-1, 2**40), st.integers(0, 2**32 - 1), st.booleans())
NAMES = st.text(min_size=1) | st.binary(min_size=1).map(lambda data: data.decode(errors="surrogateescape"))
FILES = st.lists(st.builds(PictureFile, NAMES, NAMES, st.none() | INSIDE))


@given(FILES, st.randoms(use_true_random=False))
def test_files_are_what_they_were(files: list[PictureFile], random: np.random.Generator) -> None:
    columns = PictureFiles(files)
    assert list(columns) == files and len(columns) == len(files)
    order = random.sample(range(len(files)), len(files))
    mixed = columns.picked(np.array(order, int))
    assert [mixed[place] for place in range(len(files))] == [files[place] for place in order]
    twice = mixed.picked(np.arange(0, len(files), 2))
    assert list(twice) == [files[place] for place in order][::2]
    assert [files[twice.row(place)] for place in range(len(twice))] == list(twice)
    joined = PictureFiles(twice)
    joined.extend(columns)
    assert list(joined) == [*twice, *files]


def test_a_file_takes_a_few_bytes() -> None:
    count = 20_000
    tracemalloc.start()
    try:
        files = PictureFiles(PictureFile("pictures", f"class0/{number:09}.png") for number in range(count))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(files) == count and held < 50 * count, "objects would take 250 bytes each"
