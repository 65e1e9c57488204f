"""HL7 messages out of a file: one, several behind one another, a batch with its envelope, or recorded MLLP blocks."""

from __future__ import annotations

import re

_LINES = re.compile(rb"\r\n|\n|\r")
_BATCH = (b"FHS", b"BHS", b"BTS", b"FTS")
_BOM = b"\xef\xbb\xbf"


def messages_in(body: bytes) -> list[bytes]:
    """Each message with CR between its segments, as it would come over MLLP; the whole body where there is none.

    No character set in which a line break is part of a character (UTF-16) can be read here.
    """
    found: list[list[bytes]] = []
    before = False  # something that is no envelope before the first message
    for line in _LINES.split(body.removeprefix(_BOM).translate(None, b"\x0b\x1c")):
        if line[:3] == b"MSH":
            found.append([line])
        elif line[:3] in _BATCH or not line.strip():
            continue
        elif found:
            found[-1].append(line)
        else:
            before = True
    if not found or before:
        return [body]
    return [b"\r".join([*lines, b""]) for lines in found]
