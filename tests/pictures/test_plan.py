"""Which pictures a command line asks for."""

from pathlib import Path

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.pictures.images import write_image
from nst_keras.pictures.plan import blend_shares, check_job, plan_jobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("photos/b.png", "photos/a.jpg", "paintings/x.png", "paintings/y.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        write_image(path, np.zeros((4, 4, 3)))
    return tmp_path


def _plan(folder: Path, contents: str, styles: str, output: str, each: bool) -> list[str]:
    jobs = plan_jobs([str(folder / contents)], [str(folder / styles)], [], output, each_style=each)
    return [f"{job.output.name} {len(job.styles)}" for job in jobs]


def test_folders_times_styles(folder: Path) -> None:
    out = str(folder)
    assert _plan(folder, "photos", "paintings", out, True) == [
        "a_x.png 1",
        "a_y.png 1",
        "b_x.png 1",
        "b_y.png 1",
    ]
    assert _plan(folder, "photos", "paintings", out, False) == ["a_x_y.png 2", "b_x_y.png 2"]


def test_one_picture_gets_the_name_that_is_asked_for() -> None:
    (job,) = plan_jobs(["sample:china"], ["a.png", "b.png"], [3, 1], "o.jpg", each_style=False)
    assert (job.output, job.style_weights) == (Path("o.jpg"), (3, 1))
    (job,) = plan_jobs(["sample:china"], ["a.png"], [], "", each_style=False)
    assert job.output == Path("china_a.png")


def test_several_pictures_need_a_folder(folder: Path) -> None:
    with pytest.raises(InputError, match="must be a folder: 2 pictures"):
        _plan(folder, "photos", "paintings/x.png", str(folder / "one.png"), False)


def test_a_folder_is_made_if_it_ends_in_a_slash_or_several_pictures_go_there(folder: Path) -> None:
    new = folder / "new"
    assert _plan(folder, "photos/a.jpg", "paintings/x.png", f"{new}/", False) == ["a_x.png 1"]
    jobs = plan_jobs(
        [str(folder / "photos")], [str(folder / "paintings/x.png")], [], f"{new}", each_style=False
    )
    assert {job.output.parent for job in jobs} == {new}
    check_job(jobs[0])
    assert not new.exists()  # until there is something to write
    jobs[0].make_folder()
    assert new.is_dir()
    for file in ("photos/a.jpg/", "photos/a.jpg/b/"):
        (job,) = plan_jobs(["sample:china"], ["sample:ink"], [], f"{folder}/{file}", each_style=False)
        with pytest.raises(InputError, match=r"photos/a\.jpg is not a folder"):
            check_job(job)


def test_two_pictures_with_one_name(folder: Path) -> None:
    with pytest.raises(InputError, match=r"two pictures would be written to .*a_x\.png"):
        plan_jobs(
            [str(folder / "photos/a.jpg"), "elsewhere/a.png"],
            [str(folder / "paintings/x.png")],
            [],
            str(folder),
            each_style=True,
        )


@pytest.mark.parametrize("weights", [[1.0, 2.0], [0.0], [-1.0], [float("nan")], [float("inf")]])
def test_blend_weights_must_fit_the_styles(weights: list[float]) -> None:
    with pytest.raises(InputError, match="style_weights must"):
        blend_shares(weights, 1)


def test_shares_of_blended_styles_add_up_to_1() -> None:
    assert blend_shares([3, 1], 2) == [0.75, 0.25]
    assert blend_shares([2, 2], 2) == blend_shares([], 2) == [0.5, 0.5]
