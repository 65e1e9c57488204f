"""What differs between two versions of a configuration: by part, and row by row. No secret is ever among it."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.config.covered import secret_lines
from engine.config.engine_file import SECRET_NAME
from engine.config.problems import failing
from engine.config.tree import Map, Node, Scalar, Seq, read_tree
from engine.site.files import ENGINE_FILE

Files = Mapping[str, bytes]
ADDED, REMOVED, CHANGED = "added", "removed", "changed"
HIDDEN = "••••"
PAIRS_MAX = 5_000_000  # of equal lines, which is what matching two files costs
KINDS = ("channel", "map", "table", "schema", "party", "listener", "client", "node", "test", "file")
"""The kinds of parts, in the order they are told."""
_FILES = (
    (re.compile(r"channels/([^/]+)\.test\.yaml"), "test"),
    (re.compile(r"channels/([^/]+)\.yaml"), "channel"),
    (re.compile(r"mappings/([^/]+)\.map\.yaml"), "map"),
    (re.compile(r"mappings/tables/([^/]+)\.csv"), "table"),
    (re.compile(r"schemas/(.+)"), "schema"),
)
_SECTIONS = {"parties": "party", "listeners": "listener", "clients": "client"}
_SECRET_VALUE = re.compile(
    r"""(?ix) (["']? [\w-]* (?:secret|passw(?:or)?d|private_key|api_v[23]_key|access_key) ["']? \s* [:=] \s*)
    (?!["']?(?:file|env):) ["']?[^\s,"'}]+""",
)
_SUSPECT = re.compile(r"(?i)secret|passw|private_key|api_v[23]_key|access_key|-----BEGIN|://")
_PEM = re.compile(r"-----BEGIN [^-]*-----.*", re.DOTALL)
_USER = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")
_SECRET_PART = re.compile(rf"{SECRET_NAME.pattern}|^passphrase$|^verify_code$", re.IGNORECASE)
_REFERENCE = re.compile(r"(?:file|env):\S+")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that differs: where it stands in the older and in the newer version (a line, a key, a path; "" where it
    is not), and its text there."""

    at: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs. `kind` is one of KINDS, `what` added, removed or changed; `rows` say how."""

    kind: str
    name: str
    what: str
    file: str
    rows: tuple[Row, ...]


def changes(old: Files, new: Files) -> list[Change]:
    """All that differs, in the order of KINDS and names."""
    found: list[Change] = []
    for file in sorted({*old, *new}):
        before, after = old.get(file), new.get(file)
        if before == after:
            continue
        if file == ENGINE_FILE:
            found += _node(_text(before), _text(after))
            continue
        kind, name = _kind(file)
        rows = _table_rows(before, after) if kind == "table" else _line_rows(_text(before), _text(after))
        found.append(Change(kind, name, _what(before, after), file, tuple(rows)))
    return sorted(found, key=lambda one: (KINDS.index(one.kind), one.name))


def as_json(change: Change) -> dict[str, Any]:
    """The form of `--json`."""
    rows = [{"at": row.at, "old": row.old, "new": row.new} for row in change.rows]
    return {"kind": change.kind, "name": change.name, "what": change.what, "file": change.file, "rows": rows}


def hidden(text: str) -> str:
    """The text without what looks like a secret: a private key, a password, a user in an address."""
    if _SUSPECT.search(text) is None:  # nearly every row of a large code table, and the rest takes long
        return text
    text = _PEM.sub(f"-----BEGIN {HIDDEN}", text)
    return _USER.sub(rf"\1{HIDDEN}@", _SECRET_VALUE.sub(rf"\1{HIDDEN}", text))


def _kind(file: str) -> tuple[str, str]:
    for pattern, kind in _FILES:
        match = pattern.fullmatch(file)
        if match is not None:
            return kind, match[1]
    return "file", file


def _what(before: object, after: object) -> str:
    return ADDED if before is None else REMOVED if after is None else CHANGED


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode("utf-8", "replace")


def _line_rows(before: str, after: str, node: bool = False) -> Iterator[Row]:
    """Lines that differ, the newer one beside the older one it replaces. `node`: they are an engine.yaml's."""
    old, new = before.splitlines(), after.splitlines()
    shown_old, shown_new = _covered(old, before, node), _covered(new, after, node)
    for i, j, k, m in _apart(old, new):
        for n in range(max(j - i, m - k)):
            here, there = (i + n if i + n < j else None), (k + n if k + n < m else None)
            at = f"{'' if here is None else here + 1}→{'' if there is None else there + 1}"
            yield Row(at, "" if here is None else shown_old[here], "" if there is None else shown_new[there])


def _covered(lines: Sequence[str], text: str, node: bool) -> list[str]:
    """The lines as they may be shown. Each is looked at in its place: the middle of a private key looks like none."""
    secret = secret_lines(text, node)
    return [HIDDEN if number in secret and hidden(one) == one else hidden(one) for number, one in enumerate(lines, 1)]


def _apart(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """(begin, end) in the older and in the newer lines of what differs. Where many equal lines would keep the matching
    busy for hours (a file of a hundred thousand empty rows), lines are only counted: one that moved is no difference
    then."""
    counted, those = Counter(old), Counter(new)
    if sum(count * those[line] for line, count in counted.items()) <= PAIRS_MAX:
        for tag, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if tag != "equal":
                yield i, j, k, m
        return
    for place, line in enumerate(old):
        if those[line] > 0:
            those[line] -= 1
        else:
            yield place, place + 1, 0, 0
    for place, line in enumerate(new):
        if counted[line] > 0:
            counted[line] -= 1
        else:
            yield 0, 0, place, place + 1


def _table_rows(before: bytes | None, after: bytes | None) -> Iterator[Row]:
    """Rows of a code table by what they are looked up by, however many there are and in whatever order."""
    old, new = _table(_text(before)), _table(_text(after))
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) != new.get(key):
            yield Row(key, hidden(old.get(key, "")), hidden(new.get(key, "")))


def _table(text: str) -> dict[str, str]:
    """Key of a row → the row. The key is its `from_` columns and the dates it is valid; the head has a row too."""
    rows = list(csv.reader(io.StringIO(text.removeprefix("﻿"))))
    head = rows[0] if rows else []
    places = [i for i, name in enumerate(head) if name.strip().startswith(("from_", "valid_from"))]
    found: dict[str, str] = {}
    for row in rows:
        cells = [cell.strip() for cell in row]
        if any(cells):
            key = " ".join(filter(None, (cells[i] for i in places if i < len(cells)))) or ",".join(cells)
            while key in found:  # the same key twice: lint has refused it, a diff shows it all the same
                key += "′"
            found[key] = ",".join(cells)
    return found


def _node(before: str, after: str) -> Iterator[Change]:
    """engine.yaml by its sections, and inside parties, listeners and clients by their names."""
    old, new = _sections(before), _sections(after)
    if old is None or new is None:  # one that this program cannot read
        yield Change("node", ENGINE_FILE, CHANGED, ENGINE_FILE, tuple(_line_rows(before, after, node=True)))
        return
    for key in sorted({*old, *new}):
        was, is_ = old.get(key), new.get(key)
        if was == is_:
            continue
        paths = sorted({*(was or {}), *(is_ or {})})
        rows = [Row(path, (was or {}).get(path, ""), (is_ or {}).get(path, "")) for path in paths]
        yield Change(key[0], key[1], _what(was, is_), ENGINE_FILE, tuple(row for row in rows if row.old != row.new))


def _sections(text: str) -> dict[tuple[str, str], dict[str, str]] | None:
    """(kind, name) → path → value; None when the text is no readable engine.yaml."""
    node, problems = read_tree(text, ENGINE_FILE)
    if failing(problems) or not isinstance(node, Map | None):
        return None
    found: dict[tuple[str, str], dict[str, str]] = {}
    for key, value in node.entries if isinstance(node, Map) else ():
        kind = _SECTIONS.get(key.text)
        if kind is None or not isinstance(value, Map):
            rows = dict(_flat(value, ""))
            closed = key.text == "keys"  # each is one, whatever its name
            found["node", key.text] = {at: _open(text, "key") for at, text in rows.items()} if closed else rows
            continue
        for name, entry in value.entries:
            found[kind, name.text] = dict(_flat(entry, ""))
    return found


def _flat(node: Node, path: str) -> Iterator[tuple[str, str]]:
    match node:
        case Scalar():
            yield path, _open(node.text, path)
        case Seq():
            if all(isinstance(item, Scalar) for item in node.items):
                texts = [item.text for item in node.items if isinstance(item, Scalar)]
                yield path, f"[{', '.join(_open(text, path) for text in texts)}]"
                return
            for number, item in enumerate(node.items):
                yield from _flat(item, f"{path}[{number}]")
        case Map():
            for key, value in node.entries:
                yield from _flat(value, f"{path}.{key.text}" if path else key.text)


def _open(text: str, path: str) -> str:
    """A value as it may be shown: all of a reference, nothing of what stands anywhere under a secret's name."""
    if _REFERENCE.fullmatch(text):
        return text
    return HIDDEN if any(_SECRET_PART.search(name.partition("[")[0]) for name in path.split(".")) else hidden(text)
