"""Files that the rows of a job are appended to, so that a new run skips them: JSON Lines, and folders of Parquet.

A killed process leaves at most a damaged last line, which is removed when the file is opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from .rows import Row, Table, arrow_types

_BLOCK = 1 << 16
_ROWS_PER_PART = 1000
_JOURNAL = "_journal.jsonl"  # readers of Parquet folders skip names that begin like this


class RowFile(Protocol):
    """Where the rows of a job are stored."""

    def read(self) -> Iterator[Row]:
        """Yield the rows of earlier runs, in the order in which they were finished."""
        ...

    def encode(self, row: Row) -> bytes:
        """Return a row as a line of JSON. TypeError or ValueError if the file can't hold it."""
        ...

    def append(self, rows: Sequence[bytes]) -> None:
        """Store finished rows, each as a line of JSON."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def open_rows(path: str | os.PathLike[str], columns: Mapping[str, str]) -> RowFile:
    """Open or create the file of a job.

    Args:
        path: `….jsonl` for JSON Lines, `….parquet` for a folder of Parquet files.
        columns: the columns that the job adds, and their types.

    Raises:
        ValueError: the path has another ending, or the file is damaged elsewhere than at its end.
        BlockingIOError: another process writes to the file.
        ImportError: pyarrow, which Parquet needs, is not installed.
    """
    path = Path(path)
    match path.suffix:
        case ".jsonl" | ".ndjson":
            return JSONLines(path)
        case ".parquet":
            return ParquetFolder(path, columns)
    raise ValueError(f"path={str(path)!r}: expected a name that ends in .jsonl or .parquet.")


def read_results(path: str | os.PathLike[str], id_column: str = "index") -> list[Row]:
    """Return the rows of a job in the order of its input; of a row that was repeated, the last result.

    Args:
        path: as passed to `process`.
        id_column: as passed to `process`.
    """
    path = Path(path)
    rows = _read_parts(path) if path.suffix == ".parquet" else _read_lines(path)
    return sorted({row[id_column]: row for row in rows}.values(), key=lambda row: row.get("index", 0))


# --- JSON Lines ---------------------------------------------------------------------------------------------------


def encode_row(row: Row) -> bytes:
    """Return a row as a line of JSON, with decimals as strings.

    Raises:
        TypeError: JSON can't hold a value.
    """
    text = json.dumps(row, ensure_ascii=False, default=_encode_decimal)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(row, default=_encode_decimal).encode() + b"\n"


def _encode_decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"JSON can't hold a {type(value).__name__}")


class JSONLines:
    """One line per row. Each is handed to the operating system at once, so that a killed process loses none."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file: BinaryIO = path.open("a+b")
        _lock(self._file, path)
        _remove_damaged_end(self._file)

    def read(self) -> Iterator[Row]:
        """See `RowFile.read`."""
        return _read_lines(self._path)

    def encode(self, row: Row) -> bytes:
        """See `RowFile.encode`."""
        return encode_row(row)

    def append(self, rows: Sequence[bytes]) -> None:
        """See `RowFile.append`."""
        self._file.write(b"".join(rows))
        self._file.flush()

    def checksum(self) -> str:
        """Return a checksum of all rows."""
        return blake2b(self._path.read_bytes(), digest_size=8).hexdigest()

    def clear(self) -> None:
        """Remove all rows."""
        self._file.truncate(0)

    def close(self) -> None:
        """Write the file to the disk, and close it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise BlockingIOError(f"Another job is writing to {str(path)!r}.") from error


def _remove_damaged_end(file: BinaryIO) -> None:
    """Remove what follows the last line break: the beginning of a row that was not written to its end."""
    end = file.seek(0, os.SEEK_END)
    start = end
    while start > 0:
        start = max(0, start - _BLOCK)
        file.seek(start)
        position = file.read(min(_BLOCK, end - start)).rfind(b"\n")
        if position >= 0:
            file.truncate(start + position + 1)
            return
    file.truncate(0)


def _read_lines(path: Path) -> Iterator[Row]:
    """Yield the rows of a file, without a damaged last line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield _decode_line(line, f"{path}, line {number}")


def _decode_line(line: bytes, place: str) -> Row:
    try:
        return dict(json.loads(line))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place} is not a JSON object. Remove the line, or start with another file.") from error


# --- Parquet ------------------------------------------------------------------------------------------------------


class ParquetFolder:
    """A folder of Parquet files, as Ray writes it and all readers of data sets read it.

    A Parquet file can't be appended to. So finished rows go to a journal of JSON Lines first, and from there, a
    thousand at a time and at the end, to a file of their own.
    """

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        _import_parquet()
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._types = arrow_types(columns)
        self._journal = JSONLines(path / _JOURNAL)
        if list(path.glob(f"part-*-{self._journal.checksum()}.parquet")):
            self._journal.clear()
        self._count = sum(1 for _ in self._journal.read())
        first = next(iter(_parts(path)), None)
        self._inputs = set(_import_parquet().read_schema(first).names) - self._types.keys() if first else set()

    def read(self) -> Iterator[Row]:
        """See `RowFile.read`."""
        return _read_parts(self._path)

    def encode(self, row: Row) -> bytes:
        """See `RowFile.encode`. All rows of a data set have the same columns."""
        inputs = row.keys() - self._types.keys()
        self._inputs = self._inputs or inputs
        if inputs != self._inputs:
            names = ", ".join(sorted(map(repr, inputs ^ self._inputs)))
            raise ValueError(f"In Parquet, all rows have the same columns; only some have {names}. Use a .jsonl file.")
        return encode_row(row)

    def append(self, rows: Sequence[bytes]) -> None:
        """See `RowFile.append`."""
        self._journal.append(rows)
        self._count += len(rows)
        if self._count >= _ROWS_PER_PART:
            self._write_part()

    def close(self) -> None:
        """Write the remaining rows, and close the journal."""
        try:
            self._write_part()
        finally:
            self._journal.close()

    def _write_part(self) -> None:
        """Write the rows of the journal to a file.

        Its name has a checksum of the journal: if the process dies before the journal is cleared, the next run knows
        that these rows are in the file.
        """
        rows = list(self._journal.read())
        checksum = self._journal.checksum()
        if rows and not list(self._path.glob(f"part-*-{checksum}.parquet")):
            name = f"part-{len(_parts(self._path)):05}-{checksum}.parquet"
            temporary = self._path / f"_{name}"
            _import_parquet().write_table(self._table(rows), temporary)
            temporary.replace(self._path / name)
        self._journal.clear()
        self._count = 0

    def _table(self, rows: list[Row]) -> Table:
        """Return the rows with the types of the first file: all files of a data set have the same schema."""
        import pyarrow as pa

        first = next(iter(_parts(self._path)), None)
        schema = _import_parquet().read_schema(first) if first else self._infer_schema(rows)
        decimals = [name for name, kind in self._types.items() if pa.types.is_decimal(kind)]
        for row in rows:
            row.update({name: Decimal(row[name]) for name in decimals if row.get(name) is not None})
        try:
            return pa.Table.from_pylist(rows, schema=schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ValueError(
                f"A column doesn't have the type of the first rows: {error}. They are in {_JOURNAL}. Use a .jsonl file."
            ) from error

    def _infer_schema(self, rows: list[Row]) -> Any:
        import pyarrow as pa

        inputs = [{name: value for name, value in row.items() if name not in self._types} for row in rows]
        names = dict.fromkeys(name for row in inputs for name in row)
        types = {name: pa.array([row.get(name) for row in inputs]).type for name in names}
        known = {name: pa.string() if pa.types.is_null(kind) else kind for name, kind in types.items()}
        return pa.schema({**known, **self._types})


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!_]*.parquet"))


def _read_parts(folder: Path) -> Iterator[Row]:
    """Yield the rows of the files, then those of the journal that are in no file."""
    for part in _parts(folder):
        for batch in _import_parquet().ParquetFile(part).iter_batches():
            yield from batch.to_pylist()
    journal = folder / _JOURNAL
    if journal.exists():
        yield from _read_lines(journal)


def _import_parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            'Parquet needs pyarrow: pip install pyarrow, or use a ".jsonl" file.', name="pyarrow"
        ) from error
    return parquet
