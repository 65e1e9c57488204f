"""`engine list unmapped`: codes that had no row in a code table, the most frequent first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.say import line, table
from engine.core.times import beijing

if TYPE_CHECKING:
    from engine.pipeline.code_table import CodeTable
    from engine.store.contract import Connection

Rows = list[dict[str, Any]]


def unmapped_rows(conns: Iterable[Connection], since: float | None, limit: int) -> Rows:
    """What the engine and its workers counted, together."""
    from engine.store.unmapped import unmapped_codes

    found: dict[tuple[str, str], dict[str, Any]] = {}
    for conn in conns:
        for one in unmapped_codes(conn):
            if since is not None and one.last_at < since:
                continue
            row = found.setdefault((one.table, one.code), {
                "table": one.table, "code": one.code, "times": 0, "first_at": one.first_at, "last_at": 0.0, "place": "",
            })  # fmt: skip
            row["times"] += one.times
            row["first_at"] = min(row["first_at"], one.first_at)
            if one.last_at > row["last_at"]:
                row["last_at"], row["place"] = one.last_at, one.place
    return sorted(found.values(), key=lambda row: (-row["times"], row["table"], row["code"]))[:limit]


def with_folder(rows: Rows, root: Path, now: float) -> Rows:
    """Each with `there`: whether the folder's table has a row for the code by now."""
    tables = {name: _table(root, name) for name in {row["table"] for row in rows}}
    return [{**row, "there": _has(tables[row["table"]], row["code"], now)} for row in rows]


def draw_unmapped(rows: Rows) -> None:
    """For people: the codes, and where their rows are to be written."""
    cells = [
        (str(row["times"]), row["table"], row["code"], beijing(row["first_at"]), beijing(row["last_at"]), row["place"],
         "已补 · there now" if row["there"] else "")
        for row in rows
    ]  # fmt: skip
    table("", ("times", "table", "code", "first", "last", "map", "folder"), cells, {})
    if any(not row["there"] for row in rows):
        line("在 mappings/tables/<table>.csv 补行，engine lint 后 engine apply"
             " · write their rows into mappings/tables/<table>.csv, then engine lint, engine apply")  # fmt: skip
    elif not rows:
        line("没有缺对照的代码 · no code without a counterpart")


def _table(root: Path, name: str) -> CodeTable | None:
    from engine.pipeline.code_table import CodeTable
    from engine.pipeline.code_table_file import read_code_table

    path = root / "mappings" / "tables" / f"{name}.csv"
    try:
        found = read_code_table(path.read_bytes(), path.name, name)
    except OSError:
        return None
    return found if isinstance(found, CodeTable) else None


def _has(found: CodeTable | None, code: str, now: float) -> bool:
    if found is None:
        return False
    key = code if len(found.keys) == 1 else tuple(code.split(" + "))
    return found.row(key, now if found.dated else None) is not None
