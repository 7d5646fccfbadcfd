"""Tables that name pictures: CSV or Parquet with the columns path and label, and perhaps split."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from nst_keras.errors import InputError
from nst_keras.storage.remote import open_anywhere

CSV, PARQUET = ".csv", ".parquet"
COLUMNS, SPLIT = ("path", "label"), "split"


def is_table(path: str) -> bool:
    """Whether a file is a table by its name."""
    return path.lower().endswith((CSV, PARQUET))


def read_rows(path: str) -> Iterator[tuple[int, str, str, str]]:
    """Yields number, path, label and split of each row, the split "" if there is no such column.

    Raises:
        InputError: If a column or a value is missing, or the table can't be read.
    """
    read = _read_csv if path.lower().endswith(CSV) else _read_parquet
    try:
        # The header is a CSV file's first row, as an editor counts.
        for number, row in enumerate(read(path), start=2 if read is _read_csv else 1):
            values = {
                name: "" if value is None else str(value).strip() for name, value in row.items() if name
            }
            for name, value in values.items():
                if not value:
                    raise InputError(f"row {number} must have a value for {name}")
            yield number, values["path"], values["label"], values.get(SPLIT, "")
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(path) else f"{path}: {text}") from error
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: is damaged or isn't a table: {error}") from error


def _read_csv(path: str) -> Iterator[Mapping[str, Any]]:
    with open_anywhere(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        table = csv.DictReader(text, strict=True)
        wanted = _wanted(table.fieldnames or ())
        for row in table:
            yield {name: row[name] for name in wanted}


def _read_parquet(path: str) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(f"needs pyarrow to be read ({error}); pip install pyarrow, or use CSV") from error
    with open_anywhere(path) as file:
        table = parquet.ParquetFile(file)
        for batch in table.iter_batches(columns=_wanted(table.schema_arrow.names)):
            yield from batch.to_pylist()


def _wanted(columns: Any) -> list[str]:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        expected = f"must have the columns {' and '.join(COLUMNS)}, and may have {SPLIT}"
        raise InputError(f"{expected}. Received: {', '.join(columns) or 'none'}")
    return [*COLUMNS, *([SPLIT] if SPLIT in columns else [])]
