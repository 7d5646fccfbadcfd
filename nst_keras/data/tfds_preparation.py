"""Builders of tensorflow-datasets: found by name, prepared once, quietly, by one process at a time."""

import contextlib
import difflib
import re
from collections.abc import Callable
from pathlib import Path

import tensorflow_datasets as tfds

from nst_keras.data import debian_fashion_mnist
from nst_keras.data.digits import Digits
from nst_keras.data.download_hosts import unreachable_host
from nst_keras.data.quiet_tfds import quiet_tfds
from nst_keras.errors import InputError
from nst_keras.storage.cache import locked

# More than this much of an error's text, in characters, hides the advice that follows it.
_LONGEST_REASON = 300


def known_names() -> list[str]:
    """Returns `digits` and the names of all sets that tensorflow-datasets brings, sorted."""
    return sorted({"digits", *tfds.list_builders(with_community_datasets=False)})


def is_known(spec: str) -> bool:
    """Whether the name in `name`, `name:version` or `name/config:version` is a data set's."""
    return _base_name(spec) in known_names()


def find_builder(spec: str, data_dir: str) -> tfds.core.DatasetBuilder:
    """Returns the builder of a data set; nothing is prepared or read.

    Args:
        spec: As tensorflow-datasets writes them: `name`, `name:version`, `name/config`.
        data_dir: Folder of prepared sets; "" for the default of tensorflow-datasets.
    """
    options = {"data_dir": str(Path(data_dir).expanduser())} if data_dir else {}
    if not re.match(r"\w+([:/]|$)", spec):
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

    `fashion_mnist` is made without network from the files of Debian's package
    `dataset-fashion-mnist` if `manual_dir` or the package's own folder holds them.

    Args:
        builder: From `find_builder`.
        manual_dir: Folder with files that the user downloaded; "" for none.
        note: Called with a line of text before anything is prepared.
    """
    if _is_prepared(builder):
        return
    with _locked(builder):
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
    close = difflib.get_close_matches(_base_name(spec), known_names(), n=5)
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    return (
        f"dataset must be digits, a name of tensorflow-datasets or a folder. Received: dataset={spec}{hint}"
    )


def _base_name(spec: str) -> str:
    return re.split("[:/]", spec, maxsplit=1)[0]


def _is_prepared(builder: tfds.core.DatasetBuilder) -> bool:
    with quiet_tfds():
        return builder.is_prepared()


def _locked(builder: tfds.core.DatasetBuilder) -> contextlib.AbstractContextManager[None]:
    """Holds the lock of this set, which lies in the folder of all sets."""
    return locked(
        _root(builder) / f".{builder.info.full_name.replace('/', '-')}",
        use="folder of data sets",
        remedy="set --data_dir to a folder that can be written",
    )


def _require_network(builder: tfds.core.DatasetBuilder) -> None:
    """Raises OSError if a set that has to be downloaded cannot be."""
    if (_root(builder) / "downloads" / builder.name).exists():
        return  # It may be there already.
    host = unreachable_host(builder.url_infos or {})
    if host:
        raise OSError(f"{host} cannot be reached")


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
