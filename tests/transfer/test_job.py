"""Jobs: files in, a picture out, and nothing lost when a run ends early."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nst_keras.errors import InputError
from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.pictures.images import read_image, read_pixels, read_settings, write_image
from nst_keras.pictures.plan import StylizeJob, check_job, checkpoint_path
from nst_keras.pictures.settings import JobOptions
from nst_keras.pictures.transparency import Pixels
from nst_keras.transfer.at_console import run_at_console
from nst_keras.transfer.checkpoints import read_checkpoint
from nst_keras.transfer.job import OptimizedStylize, Outcome
from nst_keras.transfer.progress import OptimizationProgress as Progress
from nst_keras.transfer.settings import StyleTransferSettings

SHALLOW = StyleTransferSettings(
    size=32,
    coarsest_size=16,
    content_layers={"relu2_1": 1.0},
    style_layers={"relu1_1": 0.5, "relu2_1": 0.5},
    optimizer="adam",
    num_steps=6,
    coarse_steps=2,
    margin=2,
)


@pytest.fixture
def job(tmp_path: Path) -> StylizeJob:
    rng = np.random.default_rng(0)
    for name in ("photo", "painting"):
        write_image(tmp_path / f"{name}.png", rng.uniform(0, 255, (32, 32, 3)))
    return StylizeJob(
        str(tmp_path / "photo.png"),
        (str(tmp_path / "painting.png"),),
        (1.0,),
        tmp_path / "out" / "picture.png",
    )


@pytest.fixture
def transfer(real_weights: VGG19Weights, job: StylizeJob) -> OptimizedStylize:
    job.output.parent.mkdir()
    return OptimizedStylize(SHALLOW, "8bit")


def _run(
    transfer: OptimizedStylize, job: StylizeJob, options: JobOptions = JobOptions(), **keywords: Any
) -> Outcome:
    return transfer.run(transfer.prepare(job, options), **keywords)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_picture_holds_its_settings_and_nothing_else_is_left(
    transfer: OptimizedStylize, job: StylizeJob
) -> None:
    assert _run(transfer, job).finished
    assert _names(job.output.parent) == ["picture.png"]
    assert read_image(job.output).shape == (32, 32, 3)
    record = read_settings(job.output)
    assert StyleTransferSettings(**record["settings"]) == SHALLOW
    names = [Path(name).name for name in (job.content, *job.styles)]
    assert [record["content"], *record["styles"]] == names
    assert record["vgg_digest"].startswith("sha256:")
    assert transfer.records.is_made(job)
    write_image(job.content, np.zeros((32, 32, 3)))
    assert not transfer.records.is_made(job)


def test_stopped_and_resumed_equals_uninterrupted(transfer: OptimizedStylize, job: StylizeJob) -> None:
    _run(transfer, job)
    whole = read_image(job.output)
    steps: list[int] = []
    outcome = _run(
        transfer,
        job,
        observers=[lambda progress: steps.append(progress.step)],
        should_stop=lambda: len(steps) == 5,
    )
    assert not outcome.finished
    assert _names(job.output.parent) == ["picture.png", "picture.png.checkpoint.npz"]
    assert not transfer.records.is_made(job)
    assert not np.array_equal(read_image(job.output), whole)
    assert _run(transfer, job, JobOptions(resume=True)).finished
    np.testing.assert_array_equal(read_image(job.output), whole)
    assert _names(job.output.parent) == ["picture.png"]


def test_death_loses_no_more_than_a_checkpoint_interval(
    transfer: OptimizedStylize, job: StylizeJob, tmp_path: Path
) -> None:
    def die(progress: Progress) -> None:
        if progress.step == 7:
            raise RuntimeError("killed")

    options = JobOptions(checkpoint_every=3, trace=str(tmp_path / "trace.jsonl"))
    with pytest.raises(RuntimeError, match="killed"):
        _run(transfer, job, options, observers=[die])
    steps: list[int] = []
    _run(
        transfer, job, replace(options, resume=True), observers=[lambda progress: steps.append(progress.step)]
    )
    assert steps == [7, 8]
    lines = (tmp_path / "trace.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, 9))


def test_a_kill_while_the_picture_is_written_leaves_the_checkpoint(
    transfer: OptimizedStylize, job: StylizeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("nst_keras.transfer.job.write_painting", killed)
        _run(transfer, job, JobOptions(checkpoint_every=7))
    steps: list[int] = []
    _run(transfer, job, JobOptions(resume=True), observers=[lambda progress: steps.append(progress.step)])
    assert steps == [8]
    assert _names(job.output.parent) == ["picture.png"]


def test_checkpoint_of_another_run_is_refused_with_the_reason(
    transfer: OptimizedStylize, job: StylizeJob
) -> None:
    _run(transfer, job, should_stop=lambda: True)
    other = OptimizedStylize(replace(SHALLOW, content_weight=3.0), "8bit")
    with pytest.raises(InputError, match=r"content_weight \(was 8.0, is 3.0\)"):
        _run(other, job, JobOptions(resume=True))
    write_image(job.content, np.zeros((32, 32, 3)))
    with pytest.raises(InputError, match="pictures"):
        _run(transfer, job, JobOptions(resume=True))


def test_damaged_checkpoint_is_named(transfer: OptimizedStylize, job: StylizeJob) -> None:
    _run(transfer, job, should_stop=lambda: True)
    path = checkpoint_path(job.output)
    data = path.read_bytes()
    for broken in (b"", b"text", data[: len(data) // 2]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"checkpoint\.npz: .*damaged"):
            read_checkpoint(path, {})


def test_pictures_on_the_way_are_named_by_the_steps_done(job: StylizeJob) -> None:
    job.output.parent.mkdir()
    transfer = OptimizedStylize(replace(SHALLOW, save_every=4), "8bit")
    _run(transfer, job)
    assert _names(job.output.parent) == ["picture.png", "picture_4.png", "picture_8.png"]
    np.testing.assert_array_equal(read_image(job.output), read_image(job.output.with_name("picture_8.png")))


def test_trace_has_a_line_a_step_also_over_a_resume(
    transfer: OptimizedStylize, job: StylizeJob, tmp_path: Path
) -> None:
    options = JobOptions(trace=str(tmp_path / "trace.jsonl"))
    steps: list[int] = []
    _run(
        transfer,
        job,
        options,
        observers=[lambda progress: steps.append(progress.step)],
        should_stop=lambda: len(steps) == 5,
    )
    _run(transfer, job, replace(options, resume=True))
    lines = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 9))
    assert all(np.isfinite(list(line["losses"].values())).all() for line in lines)


def test_tensorboard_gets_scalars_and_pictures(
    transfer: OptimizedStylize, job: StylizeJob, tmp_path: Path
) -> None:
    import tensorflow as tf

    _run(transfer, job, JobOptions(tensorboard_dir=str(tmp_path / "board")))
    (events,) = (tmp_path / "board").iterdir()
    tags = {
        value.tag
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    assert {"loss/total", "loss/content/relu2_1", "generated_image"} <= tags


def test_lost_loss_leaves_the_last_good_picture(job: StylizeJob) -> None:
    job.output.parent.mkdir()
    settings = replace(SHALLOW, optimizer="sgd", learning_rate=1e37, style_weight=1e6)
    transfer = OptimizedStylize(settings, "8bit")
    evaluate, calls = transfer.objective.evaluate, []

    def breaks_at_the_fourth_call(*arguments):  # type: ignore[no-untyped-def]
        calls.append(None)
        loss, terms, gradient = evaluate(*arguments)
        return (loss * np.nan if len(calls) == 4 else loss), terms, gradient

    transfer.objective.evaluate = breaks_at_the_fourth_call  # type: ignore[method-assign]
    with pytest.raises(InputError, match=r"last good picture is in .*picture\.png.*smaller"):
        _run(transfer, job)
    assert read_image(job.output).shape == (32, 32, 3)
    assert not transfer.records.is_made(job)


@pytest.mark.parametrize(
    "output,message",
    [
        ("photo.png", "also an input"),
        ("picture.gif", r"suffix must be one of .*\.png"),
        ("missing/picture.png", "missing"),
    ],
)
def test_bad_output_is_found_before_anything_is_read(job: StylizeJob, output: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_job(replace(job, output=Path(job.content).parent / output))


def test_a_folder_of_photos_decodes_each_picture_once(
    transfer: OptimizedStylize,
    job: StylizeJob,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = Path(job.content).with_name("copy.png")
    copy.write_bytes(Path(job.content).read_bytes())
    jobs = [job, replace(job, content=str(copy), output=job.output.with_name("second.png"))]
    names: list[str] = []

    def counted(path: str) -> Pixels:
        names.append(Path(path).name)
        return read_pixels(path)

    monkeypatch.setattr("nst_keras.pictures.by_name.read_pixels", counted)
    assert run_at_console(transfer, jobs, JobOptions()) == 0
    assert names == ["photo.png", "painting.png", "copy.png"]
