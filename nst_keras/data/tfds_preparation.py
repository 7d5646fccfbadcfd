"""Builders of tensorflow-datasets: found by name, prepared once, quietly, by one process at a time."""

import contextlib
import io
import logging
import re
import socket
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow_datasets as tfds
from absl import logging as absl_logging

from nst_keras.data import debian_fashion_mnist
from nst_keras.data.digits import Digits
from nst_keras.errors import InputError, did_you_mean
from nst_keras.storage.cache import locked

# More than this much of an error's text, in characters, hides the advice that follows it.
_LONGEST_REASON = 300
# Hosts that are tried when a set has to be downloaded, and seconds for each.
_MOST_HOSTS, _HOST_TIMEOUT = 3, 5.0
_PORTS = {"http": 80, "https": 443}

_quiet_lock = threading.Lock()


@contextlib.contextmanager
def quiet_tfds() -> Iterator[None]:
    """Silences prints, notes and warnings of tensorflow-datasets; people at a terminal see progress bars.

    One thread at a time gets in: what is set aside belongs to the process.
    """
    retries = logging.getLogger("urllib3.connectionpool")
    with _quiet_lock:
        levels = absl_logging.get_verbosity(), retries.level
        absl_logging.set_verbosity(absl_logging.ERROR)
        retries.setLevel(logging.ERROR)
        if not sys.stderr.isatty():
            tfds.disable_progress_bar()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        finally:
            absl_logging.set_verbosity(levels[0])
            retries.setLevel(levels[1])
            tfds.enable_progress_bar()


def known_names() -> list[str]:
    """Returns `digits` and the names of all sets that tensorflow-datasets brings, sorted."""
    return sorted({"digits", *tfds.list_builders(with_community_datasets=False)})


def is_known(spec: str) -> bool:
    """Whether the name in `name`, `name:version` or `name/config:version` is a data set's."""
    return _base_name(spec) in known_names()


def find_builder(spec: str, data_dir: str) -> tfds.core.DatasetBuilder:
    """Returns the builder of `name`, `name:version` or `name/config`; nothing is prepared or read."""
    options = {"data_dir": str(Path(data_dir).expanduser())} if data_dir else {}
    if not re.match(r"\w+([:/].+)?$", spec):
        raise InputError(_unknown(spec))
    try:
        with quiet_tfds():
            if spec == "digits":
                return Digits(**options)
            return tfds.builder(spec, **options)
    except tfds.core.DatasetNotFoundError as error:
        raise InputError(_unknown(spec)) from error
    except Exception as error:  # Each builder checks its configurations in its own way.
        raise InputError(f"{spec}: cannot be opened: {_reason(error)}") from error


def prepare(builder: tfds.core.DatasetBuilder, manual_dir: str, note: Callable[[str], None]) -> None:
    """Downloads and writes a set unless it is there already; other processes wait for the first.

    `fashion_mnist` is made without network from the files of Debian's package `dataset-fashion-mnist` if the
    user's `manual_dir` or the package's own folder holds them.
    """
    if _is_prepared(builder):
        return
    lock = _root(builder) / f".{builder.info.full_name.replace('/', '-')}"  # in the folder of all sets
    remedy = "set --data_dir to a folder that can be written"
    with locked(lock, use="folder of data sets", remedy=remedy):
        if _is_prepared(builder):
            return
        note(f"preparing {builder.info.full_name} in {builder.data_path} ...")
        try:
            with quiet_tfds(), debian_fashion_mnist.download_config(builder, manual_dir) as config:
                if config.manual_dir is None:
                    _require_network(builder)
                builder.download_and_prepare(download_config=config)
        except InputError:
            raise
        except Exception as error:  # Whatever builders, downloads and file systems raise.
            raise InputError(_advice(builder, error)) from error


def _unknown(spec: str) -> str:
    parent = Path(spec).expanduser().parent
    beside = [f"{path}/" for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []
    hint = did_you_mean(spec, beside) or did_you_mean(spec, known_names())
    text = "is neither a folder nor a data set, which are digits and those of tensorflow-datasets"
    return f"{spec or 'an empty name'}: {text}{hint}"


def _base_name(spec: str) -> str:
    return re.split("[:/]", spec, maxsplit=1)[0]


def _is_prepared(builder: tfds.core.DatasetBuilder) -> bool:
    with quiet_tfds():
        return builder.is_prepared()


def _require_network(builder: tfds.core.DatasetBuilder) -> None:
    """Raises OSError at once if a set can't be downloaded, where downloads would try again for minutes.

    With a proxy nothing is tried: hosts need not be reachable then but through it.
    """
    if (_root(builder) / "downloads" / builder.name).exists() or urllib.request.getproxies():
        return  # It may be there already.
    urls = map(urllib.parse.urlsplit, builder.url_infos or {})
    addresses = {
        (url.hostname, url.port or _PORTS[url.scheme])
        for url in urls
        if url.hostname and url.scheme in _PORTS
    }
    tried = sorted(addresses)[:_MOST_HOSTS]
    if tried and not any(map(_answers, tried)):
        raise OSError(f"{tried[0][0]} cannot be reached")


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=_HOST_TIMEOUT).close()
    except OSError:
        return False
    return True


def _root(builder: tfds.core.DatasetBuilder) -> Path:
    """Returns the folder of all sets; in it, a set lies at name/config/version."""
    return Path(builder.data_path).parents[builder.info.full_name.count("/")]


def _advice(builder: tfds.core.DatasetBuilder, error: Exception) -> str:
    text = f"{builder.name}: cannot be prepared in {builder.data_dir}: {_reason(error)}. "
    if builder.name == "fashion_mnist":
        return text + (
            "Without network, on Debian: `apt-get install dataset-fashion-mnist`; elsewhere put the four "
            f"files {', '.join(debian_fashion_mnist.FILE_NAMES)} into a folder and name it with --manual_dir"
        )
    return text + (
        "Without network, prepare it on another machine and copy that machine's folder to --data_dir, or put "
        "the downloaded files into a folder and name it with --manual_dir"
    )


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + " ..."
