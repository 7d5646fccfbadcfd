"""What is found in requests, measured, and written within bounds."""

import base64
import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nst_keras.pictures.images import encode_image
from nst_keras.serving.protocol.protos import predict_pb2
from nst_keras.serving.protocol.request_log import PICTURES, find_log_files, read_log_file
from nst_keras.serving.protocol.tensors import to_proto
from nst_keras.serving.server.compute import request_writer
from nst_keras.serving.server.compute.answers import Job
from nst_keras.serving.server.compute.request_writer import LogFiles, find_pictures, measure, write_job
from nst_keras.serving.server.settings import ServerSettings


def _png(value: float, height: int = 8, width: int = 6) -> bytes:
    return encode_image(np.full((height, width, 3), value, np.float32), ".png")


def _json(*pictures: bytes) -> bytes:
    rows = [{"b64": base64.b64encode(picture).decode()} for picture in pictures]
    return json.dumps({"signature_name": "serve_image_bytes", "instances": rows}).encode()


def _lines(folder: Path) -> list[dict]:
    return [line for path in find_log_files(folder) for line in read_log_file(path)]


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., LogFiles]:
    return lambda **more: LogFiles(ServerSettings(request_log=str(tmp_path), **more))


def test_pictures_are_found_in_any_request_and_paintings_left_out() -> None:
    photo, painting = _png(100), _png(200)
    assert list(find_pictures("predict", _json(photo, b"no picture"))) == [photo]
    coded = [{"b64": base64.b64encode(data).decode()} for data in (photo, painting)]
    columns = {"image_bytes": [coded[0]], "style_image_bytes": [coded[1]], "strength": [1]}
    assert list(find_pictures("predict", json.dumps({"inputs": columns}).encode())) == [photo]
    assert list(find_pictures("predict", b'{"instances": [1, 2.5, "text", null]}')) == []
    request = predict_pb2.PredictRequest()
    for name, data in (("image_bytes", photo), ("style_image_bytes", painting)):
        request.inputs[name].CopyFrom(to_proto(np.array([data], object)))
    assert list(find_pictures("Predict", request.SerializeToString())) == [photo]


def test_what_is_measured() -> None:
    large = measure(_png(100, 512, 256))
    assert (large["height"], large["width"], large["channels"]) == (512, 256, 1)
    assert large["brightness"] == pytest.approx(100, abs=0.5) and large["contrast"] == pytest.approx(
        0, abs=0.5
    )
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::2, 0] = 200
    red = measure(encode_image(stripes, ".png"))
    assert red["channels"] == 3 and red["contrast"] > 10 and red["colourfulness"] > 10


def test_a_file_has_its_name_when_it_is_whole(files: Callable[..., LogFiles], tmp_path: Path) -> None:
    log, job = files(), Job("predict", _json(_png(10), _png(20), b"\x89PNG damaged"), "digits", 3)
    assert write_job(log, 1000.0, job) == (2, 1)
    assert not _lines(tmp_path), "a pipeline sees nothing of a file that is still written"
    log.close()
    first, second = _lines(tmp_path)
    assert (first["time"], first["model"], first["version"]) == (1000.0, "digits", 3)
    assert (round(first["brightness"]), round(second["brightness"])) == (10, 20)
    assert "picture" not in first and not (tmp_path / PICTURES).exists()
    assert [path.stat().st_mode & 0o777 for path in find_log_files(tmp_path)] == [0o600]


def test_old_files_are_closed_and_those_of_killed_processes_taken_over(
    files: Callable[..., LogFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, job = files(request_log_seconds=60), Job("predict", _json(_png(10)), "digits", 1)
    write_job(log, 0.0, job)
    log.close_if_old()
    assert not _lines(tmp_path)
    now = time.time()
    monkeypatch.setattr(request_writer.time, "time", lambda: now + 61)
    log.close_if_old()
    assert len(_lines(tmp_path)) == 1
    write_job(log, 0.0, job)
    (open_file,) = tmp_path.glob(".requests-*")
    files()
    assert open_file.exists(), "its process is at work"
    dead = open_file.with_name(open_file.name.replace(str(os.getpid()), str(2**22 + 1)))
    dead.write_bytes(open_file.read_bytes() + b'{"time": 12')
    files()
    assert not dead.exists() and len(_lines(tmp_path)) == 2, "up to the last whole line"


def test_the_oldest_goes_when_there_is_too_much(files: Callable[..., LogFiles], tmp_path: Path) -> None:
    for number in range(3):
        old = tmp_path / f"requests-20200101T00000{number}-1-000001.jsonl"
        old.write_bytes(bytes(500_000))
        os.utime(old, (number, number))
    log = files(request_log_mb=1, request_log_pictures=1)
    for value in (10, 10, 200):
        write_job(log, 0.0, Job("predict", _json(_png(value)), "digits", 1))
    log.close()
    kept = [path.name for path in find_log_files(tmp_path)]
    assert kept[0].startswith("requests-20200101T000001") and len(kept) == 3
    pictures = [line["picture"] for path in find_log_files(tmp_path)[2:] for line in read_log_file(path)]
    assert len(set(pictures)) == 2 and pictures[0] == pictures[1], "one of a kind"
    assert (tmp_path / PICTURES / pictures[2]).read_bytes() == _png(200)


def test_a_full_disk_costs_lines_and_leaves_no_halves(
    files: Callable[..., LogFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, write, job = files(), os.write, Job("predict", _json(_png(10)), "digits", 1)
    assert write_job(log, 1.0, job) == (1, 0)
    monkeypatch.setattr(request_writer.os, "write", lambda file, data: write(file, data[:9]))
    assert write_job(log, 2.0, job) == (0, 1)

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(request_writer.os, "write", full)
    assert write_job(log, 3.0, job) == (0, 1)
    monkeypatch.setattr(request_writer.os, "write", write)
    assert write_job(log, 4.0, job) == (1, 0)
    log.close()
    assert [line["time"] for line in _lines(tmp_path)] == [1.0, 4.0]
