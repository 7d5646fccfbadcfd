"""Which stylizer a Model is: a file in its folder, or one that is fetched, by its name."""

import json
from pathlib import Path

from nst_keras.errors import InputError
from nst_keras.storage.files import open_file
from nst_keras.stylizers.archive import STYLIZER_FILE
from nst_keras.stylizers.by_name import stylizer_digest

NAME_FILE = "stylizer.json"  # "stylizer", and the "digest" of its weights


def stylizer_in(folder: Path) -> str:
    """What `load_painter` takes; "" if the model isn't a stylizer.

    Raises:
        InputError: If it names one whose weights aren't those that it was judged by.
    """
    if (folder / STYLIZER_FILE).exists():
        return str(folder / STYLIZER_FILE)
    path = folder / NAME_FILE
    if not path.exists():
        return ""
    with open_file(path) as file:
        text = file.read()
    try:
        about = json.loads(text)
        name, digest = str(about["stylizer"]), about["digest"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged ({error}); run the Importer again") from error
    if stylizer_digest(name) != digest:
        raise InputError(f"{path}: names other weights than this version's {name}; run the Importer again")
    return name
