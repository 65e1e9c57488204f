"""A form as a browser sends it: its fields, and the files a person chose. All of it stays in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from multipart import MultipartSegment, PushMultipartParser, parse_options_header

FIELDS_MAX, FIELD_BYTES = 50, 4096
NAME_MAX = 80  # characters of a file's name


class BadForm(ValueError):
    """Why a form cannot be read: a key of texts/books.py."""


@dataclass(frozen=True, slots=True)
class Form:
    """The last of each field of a name, and the files in their order: name and content."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, bytes], ...] = ()


def fields_of(data: bytes) -> dict[str, str]:
    """The fields of a plain form or query; the last of a name counts; {} for what is none."""
    try:
        return dict(parse_qsl(data.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError:
        return {}


def has_files(kind: str) -> bool:
    """Whether a form of this Content-Type may carry files."""
    return kind.partition(";")[0].strip().lower() == "multipart/form-data"


def form_with_files(kind: str, body: bytes, files_max: int) -> Form:
    """A `multipart/form-data` body; `kind`: its Content-Type. An empty file input counts as none. Errors: BadForm."""
    boundary = parse_options_header(kind)[1].get("boundary", "")
    fields: dict[str, str] = {}
    files: list[tuple[str, bytes]] = []
    part: MultipartSegment | None = None
    pieces: list[bytes] = []
    try:
        parser = PushMultipartParser(
            boundary, len(body), max_segment_count=FIELDS_MAX + files_max, header_charset="utf-8", strict=True
        )
        with parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    part, pieces = event, []
                elif event is not None:
                    pieces.append(bytes(event))
                elif part is not None:
                    _take(part, b"".join(pieces), fields, files)
    except BadForm:
        raise
    except ValueError:  # the library's own errors, and bytes that are no text
        raise BadForm("form") from None
    if len(files) > files_max:
        raise BadForm("files")
    return Form(fields, tuple(files))


def _take(part: MultipartSegment, data: bytes, fields: dict[str, str], files: list[tuple[str, bytes]]) -> None:
    if part.filename is None:
        if len(data) > FIELD_BYTES:
            raise BadForm("form")
        fields[part.name or ""] = data.decode("utf-8", "replace")
    elif part.filename or data:
        files.append((_plain(part.filename), data))


def _plain(name: str) -> str:
    """A file's name without the folders some browsers put before it, and nothing in it that is not seen."""
    last = name.replace("\\", "/").rpartition("/")[2][:NAME_MAX]
    return "".join(sign if sign.isprintable() else "�" for sign in last)
