"""Files on the insurance interface: a zip around text rows, sent in 9101 as text, received from 9102 as bytes."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from engine.parties.nhsa.settings import Settings

SEPARATORS: Final = {"tab": "\t", "comma": ",", "caret": "^", "bar": "|"}
_EPOCH: Final = (2020, 1, 1, 0, 0, 0)  # of the entry: the same rows make the same bytes, whenever they are sent
_BROKEN: Final = (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, RuntimeError, ValueError)


class NoFile(Exception):
    """These bytes are no file of rows; the text says why."""


def packed(name: str, rows: Sequence[Mapping[str, Any]], settings: Settings) -> str | list[int]:
    """The rows as `in` of 9101 wants them: each row's values in their order, one text file in a zip. ValueError for a
    value that would break its row."""
    mark = SEPARATORS[settings.file_separator]
    lines = (mark.join(_cell(value, mark) for value in row.values()) + "\n" for row in rows)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as whole:
        entry = zipfile.ZipInfo(name.removesuffix(".zip"), _EPOCH)
        whole.writestr(entry, "".join(lines).encode(settings.file_charset), zipfile.ZIP_DEFLATED)
    data = made.getvalue()
    return base64.b64encode(data).decode() if settings.upload_as == "base64" else list(data)


def _cell(value: Any, mark: str) -> str:
    text = "" if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)
    if mark in text or "\n" in text or "\r" in text:
        raise ValueError(f"a value with a separator or a line end cannot be written to a file: {text[:20]!r}")
    return text


def unpacked(data: bytes, settings: Settings, columns: Sequence[int] = ()) -> dict[str, Any]:
    """`{"file": name, "rows": [{"c0": …, "c1": …}, …]}` of a zip; `columns`: only these (all without it). A row that is
    shorter has "" there. Errors: NoFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as whole:
            entries = [one for one in whole.infolist() if not one.is_dir()]
            if sum(one.file_size for one in entries) > settings.file_max:
                raise NoFile(f"unpacked it is larger than file_max ({settings.file_max} bytes)")
            rows = [row for one in entries for row in _rows(whole, one, settings, columns)]
    except _BROKEN as no:
        raise NoFile(f"no file of rows: {type(no).__name__}: {no}"[:200]) from None
    return {"file": entries[0].filename if entries else "", "rows": rows}


def _rows(
    whole: zipfile.ZipFile, entry: zipfile.ZipInfo, settings: Settings, columns: Sequence[int]
) -> Iterator[dict[str, str]]:
    mark, left = SEPARATORS[settings.file_separator], settings.file_max
    head = settings.file_header
    with whole.open(entry) as raw:
        for line in io.TextIOWrapper(raw, settings.file_charset, newline="\n"):
            left -= len(line)
            if left < 0:  # the directory of the zip lied about the size
                raise NoFile(f"unpacked it is larger than file_max ({settings.file_max} bytes)")
            text = line.rstrip("\r\n").removeprefix("\ufeff")
            if not text:
                continue
            if head:
                head = False
                continue
            cells = text.split(mark)
            if columns:
                yield {f"c{place}": cells[place] if place < len(cells) else "" for place in columns}
            else:
                yield {f"c{place}": cell for place, cell in enumerate(cells)}
