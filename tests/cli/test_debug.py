"""nst-debug as a user runs it: report, JSON and exit codes."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from nst_keras.cli import debug
from nst_keras.diagnosis.findings import CHECKS
from nst_keras.models.perceptron import Perceptron

QUICK = "--checks=data,outputs,initial_loss"


@pytest.fixture
def run_here(run_main: Callable) -> Callable[..., subprocess.CompletedProcess[str]]:
    return functools.partial(run_main, debug.main)


def test_healthy_network(run_here: Callable, tmp_path: Path) -> None:
    done = run_here("--model=mlp", "--json=report.json", "--tables")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("\nnothing wrong\n")
    assert all(f"\n{check} " in "\n" + done.stdout for check in CHECKS)
    assert "dense1/kernel" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["verdict"] == "ok"
    assert report["settings"]["model"] == "mlp"
    assert {finding["check"] for finding in report["findings"]} == set(CHECKS)


@pytest.mark.parametrize(
    ("fault", "check", "name"),
    [
        ("softmax_twice", "outputs", "softmax twice"),
        ("shuffled_labels", "data", "shuffled labels"),
        ("high_learning_rate", "learning_rate", "learning rate too high"),
        ("missing_bias", "gradient_check", "missing gradient"),
    ],
)
def test_planted_fault(run_here: Callable, fault: str, check: str, name: str) -> None:
    done = run_here("--model=mlp", f"--plant={fault}", f"--checks={check}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert name in done.stdout.splitlines()[-1]
    assert done.stdout.splitlines()[-1].startswith("wrong: ")
    assert done.stderr == ""


def test_own_model(run_here: Callable) -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((10, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    keras.Sequential(layers).save("mine.keras")
    done = run_here("--model=mine.keras", QUICK)
    assert done.returncode == 1
    assert "unscaled inputs" in done.stdout.splitlines()[-1]
    assert "softmax twice" not in done.stdout
    done = run_here("--model=mine.keras", QUICK, "--outputs=logits")
    assert "softmax twice" in done.stdout.splitlines()[-1]


def test_model_for_other_classes(run_here: Callable) -> None:
    layers = [
        keras.Input((8, 8, 1)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(7),
    ]
    keras.Sequential(layers).save("seven.keras")
    done = run_here("--model=seven.keras")
    assert done.returncode == 1
    assert "The model has 7 outputs for 10 classes." in " ".join(done.stdout.split())


def test_models_that_cannot_be_checked(run_here: Callable) -> None:
    done = run_here("--model=resnet")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "model must be mlp, small_cnn, advanced_cnn or a .keras file. Received: model=resnet" in done.stderr
    )
    done = run_here("--model=lost.keras")
    assert done.returncode == 1 and "lost.keras: does not exist" in done.stderr
    model = Perceptron(10)
    model(np.zeros((1, 8, 8, 1)))
    model.save("perceptron.keras")
    done = run_here("--model=perceptron.keras")
    assert done.returncode == 1 and "learns by a rule of its own" in done.stderr
    done = run_here("--json=no/report.json")
    assert done.returncode == 1 and "no/report.json" in done.stderr


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--checks=data,loss", "--checks must be one of data, outputs, "),
        ("--plant=gremlins", "--plant must be one of sign_slip, "),
        ("--learning_rate=0", "learning_rate"),
        ("--batch_size=2", "batch_size"),
        ("small_cnn", "everything is given by flags"),
    ],
)
def test_wrong_flags(run_here: Callable, flag: str, message: str) -> None:
    done = run_here(flag)
    assert done.returncode == 2
    assert message in done.stderr and "command --help" in done.stderr
    assert done.stdout == ""


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['nst-debug', '--help']\n"
        "from nst_keras.cli import debug\n"
        "try: debug.main()\n"
        "finally: sys.exit(bool({'tensorflow', 'keras', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--plant" in done.stdout and "sign_slip: " in done.stdout
