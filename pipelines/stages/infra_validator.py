"""InfraValidator: whether a SavedModel loads and answers, tried in a fresh process before it is pushed."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from nst_keras.fields import FROM_ONE, Settings, number, setting
from nst_keras.serving.extra import missing_packages
from nst_keras.serving.protocol.status_codes import ServingError
from nst_keras.storage.files import write_whole
from pipelines.engine.stage import Context, Input, Output, Stage, Stopped
from pipelines.examples.files import read_examples, read_info
from pipelines.judging import servable_check
from pipelines.judging.trained_answers import trained_answer
from pipelines.judging.verdicts import as_record, bless, write_blessing
from pipelines.kinds import Examples, InfraBlessing, Model, ServableModel

_POLL_SECONDS = 0.1
_PICTURES_SIGNATURE, _PICTURES_INPUT = "serve_image_bytes", "image_bytes"
_MIB = 1 << 20


@dataclass(frozen=True)
class InfraValidatorConfig(Settings):
    """What a model is tried with, and what it may use."""

    num_pictures: int = number(4, "How many pictures of the examples to send.")
    split: str = setting("", "Where they are from; empty: test if there is one, else the first split.")
    timeout: int = number(180, "Seconds for start, loading and all answers.", FROM_ONE)
    memory_limit: int = number(0, "Memory that the process, with the model twice, may use, in MiB; 0: any.")


def validate_infra(
    config: InfraValidatorConfig,
    context: Context,
    *,
    servable: Input[ServableModel],
    examples: Input[Examples] | None,
    model: Input[Model] | None = None,
    blessing: Output[InfraBlessing],
) -> dict[str, Any]:
    """Loads a SavedModel in a fresh process with nothing but TensorFlow, and sends it real requests.

    The requests are those with which a server warms up, and pictures of the examples. Answers must be finite,
    of the types and shapes that the signature says, one for each picture, and to pictures those that the
    trained model gives by itself, if there is one. A crash, a time-out, garbage or another answer is a reason
    not to bless, and no error.
    """
    result = _try(config, context, servable.path, examples, model)
    if config.memory_limit and result.get("peak_mib", 0) > config.memory_limit:
        result["problems"].append(_too_much(config))
    verdict = bless(list(dict.fromkeys(result["problems"])))
    write_blessing(blessing, verdict)
    for reason in verdict.reasons:
        context.say(f"not blessed for serving: {reason}")
    kept: dict[str, Any] = {
        name: result[name] for name in ("answered", "load_seconds", "peak_mib") if name in result
    }
    return {"blessed": verdict.blessed, **kept, **as_record(verdict.reasons)}


def _try(
    config: InfraValidatorConfig,
    context: Context,
    servable: Path,
    examples: Examples | None,
    model: Model | None,
) -> dict[str, Any]:
    """What `servable_check` found out, or that it couldn't."""
    requests, result = context.scratch / "requests.json", context.scratch / "result.json"
    try:
        asked = _requests(config, servable, examples, model, context)
    except ServingError as error:
        return {"problems": [str(error)], "answered": 0}
    write_whole(requests, json.dumps(asked).encode())
    result.unlink(missing_ok=True)
    end = _run(config, context, [str(servable), str(requests), str(result), str(config.timeout + 1)])
    if not end and not result.exists():
        end = "the process that loaded it ended without a word"
    return {"problems": [end], "answered": 0} if end else json.loads(result.read_text())


def _run(config: InfraValidatorConfig, context: Context, arguments: list[str]) -> str:
    """Runs the check; returns why it didn't come to its end, or nothing."""
    log = context.scratch / "check.log"
    # -P: a module beside the program must not stand for one of TensorFlow's.
    command = [sys.executable, "-P", servable_check.__file__, *arguments]
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is for the stage
        )
        try:
            memory = psutil.Process(process.pid).memory_info
            while process.poll() is None:
                seconds = time.monotonic() - began
                context.show(f"trying the model in a fresh process, {seconds:.0f} s")
                if context.should_stop():
                    raise Stopped
                if seconds > config.timeout:
                    return f"it gave no answer in {config.timeout} s"
                if config.memory_limit and memory().rss > config.memory_limit * _MIB:
                    return _too_much(config)
                time.sleep(_POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
    code, lines = process.returncode, log.read_text(errors="replace").strip().splitlines()
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    last = f": {lines[-1]}" if lines else ""
    return f"the process that loaded it ended with {how}{last}" if code else ""


def _too_much(config: InfraValidatorConfig) -> str:
    return f"it needs more memory than {config.memory_limit} MiB"


def _requests(
    config: InfraValidatorConfig,
    servable: Path,
    examples: Examples | None,
    model: Model | None,
    context: Context,
) -> list[dict[str, Any]]:
    """Requests as the fresh process reads them: plain values, tensors as messages."""
    warmup = _warmup_requests(servable, context)
    requests = [_request(f"warm-up request {number}", *pair) for number, pair in enumerate(warmup, start=1)]
    like = next((inputs for name, inputs in warmup if name == _PICTURES_SIGNATURE), {})
    for name, encoded in _pictures(config, examples):
        inputs = {**like, _PICTURES_INPUT: np.array([encoded], object)}
        request = _request(name, _PICTURES_SIGNATURE, inputs)
        if model is not None:
            context.show(f"asking the trained model about {name}")
            request["wanted"] = _serialized(trained_answer(model.path, encoded, name, inputs))
        requests.append(request)
    if not requests:
        context.say("no request is sent: there are neither warm-up requests nor examples")
    return requests


def _warmup_requests(servable: Path, context: Context) -> list[tuple[str, dict[str, np.ndarray]]]:
    if problem := missing_packages():
        context.say(f"no warm-up requests are sent: {problem}")
        return []
    import tensorflow as tf

    from nst_keras.serving.server.compute.warmup import WARMUP_FILE, read_warmup

    try:
        return list(read_warmup(servable / WARMUP_FILE))
    except (ServingError, tf.errors.OpError) as error:
        raise ServingError("DATA_LOSS", f"its {WARMUP_FILE} can't be read: {error}") from error


def _pictures(config: InfraValidatorConfig, examples: Examples | None) -> Iterator[tuple[str, bytes]]:
    if examples is None or not config.num_pictures:
        return
    splits = read_info(examples).splits
    split = config.split or ("test" if "test" in splits else next(iter(splits)))
    for _, example in islice(read_examples(examples, split), config.num_pictures):
        yield example.name, example.encoded


def _request(name: str, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, Any]:
    return {"name": name, "signature": signature, "inputs": _serialized(inputs)}


def _serialized(arrays: dict[str, np.ndarray]) -> dict[str, list[str]]:
    import tensorflow as tf

    encoded = {}
    for key, array in arrays.items():
        tensor = tf.constant(array.tolist() if array.dtype == object else array)
        data = base64.b64encode(tf.io.serialize_tensor(tensor).numpy()).decode()
        encoded[key] = [tensor.dtype.name, data]
    return encoded


InfraValidator = Stage(validate_infra, "InfraValidator")
