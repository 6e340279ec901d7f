"""What all published layouts share: files that must be there, and their text, JSON and MATLAB."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DAMAGED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What comes of looking for labels in a document of another form."""


def require(folder: Path, name: str, data_set: str) -> Path:
    """Returns the path of a file or folder that belongs to a data set.

    Args:
        folder: Folder of the data set.
        name: Path below it, as the data set is published.
        data_set: What to call the data set in the message.

    Raises:
        FileNotFoundError: It is not there.
    """
    path = folder / name
    if not path.exists():
        raise FileNotFoundError(f'{folder} is not {data_set} as published: {name} is missing')
    return path


def require_some(folder: Path, pattern: str, data_set: str) -> list[Path]:
    """Returns the sorted paths of files of which a data set has many.

    Args:
        folder: Folder of the data set.
        pattern: Their paths below it, as `Path.glob` takes it.
        data_set: What to call the data set in the message.

    Raises:
        FileNotFoundError: There is none.
    """
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise FileNotFoundError(f'{folder} is not {data_set} as published: there is no {pattern}')
    return paths


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Reads the lines of a text file that are not empty; `.gz` is unpacked.

    Yields:
        Number of the line, from 1, and the line without its end.

    Raises:
        ValueError: The file is not text, or not the gzip that its name says.
        OSError: It cannot be read.
    """
    data = path.read_bytes()
    try:
        text = (gzip.decompress(data) if path.suffix == '.gz' else data).decode('utf-8-sig')
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f'{path} is not a text file: {error}') from error
    for number, line in enumerate(io.StringIO(text), 1):
        if line.strip():
            yield number, line.strip()


def numbers(path: Path, line: int, words: list[str], count: int) -> NDArray[np.float64]:
    """Reads the numbers of one line.

    Args:
        path: File that the line is from, for the message.
        line: Its number, for the message.
        words: What stands there.
        count: How many numbers are expected.

    Raises:
        ValueError: There are more or fewer, or one is not a finite number.
    """
    if len(words) != count:
        raise ValueError(f'{path}, line {line}: expected {count} numbers, got {len(words)}')
    try:
        values = np.array(words, np.float64)
    except ValueError as error:
        raise ValueError(f'{path}, line {line}: {error}') from error
    if not np.isfinite(values).all():
        raise ValueError(f'{path}, line {line}: a number is not finite')
    return values


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        ValueError: It is not JSON.
        OSError: It cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} is not JSON: {error}') from error


def read_matlab(path: Path, variable: str) -> NDArray[Any]:
    """Reads one array of a MATLAB 5 file.

    Raises:
        ValueError: SciPy is not installed, the file is damaged or has no such array.
        OSError: It cannot be read.
    """
    try:
        from scipy.io import loadmat  # noqa: PLC0415  Two data sets need it, nothing else does.
        from scipy.io.matlab import MatReadError  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(f'{path} needs SciPy to be read: pip install scipy') from error
    data = io.BytesIO(path.read_bytes())
    try:
        found = loadmat(data, variable_names=[variable])
    except (*DAMAGED, MatReadError, NotImplementedError, OSError, zlib.error) as error:
        raise ValueError(f'{path} is not a MATLAB 5 file: {error}') from error
    if variable not in found:
        raise ValueError(f'{path} has no array {variable!r}')
    return np.asarray(found[variable])
