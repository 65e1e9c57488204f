"""`engine tables`: code table files that timed channels brought, beside those in force; and taking one over."""

from __future__ import annotations

from pathlib import Path

from engine.cli.folder import node_file
from engine.cli.say import FOUND, GOOD, CannotRun, WrongUse, document, line

MAPPINGS = Path("mappings") / "tables"


def tables(root: Path, take: list[str], as_json: bool) -> int:
    """Show what `var/tables` holds and how it differs from `mappings/tables`: exit code 1 when it does. With names in
    `take`: copy these into `mappings/tables` (`engine plan` and `engine apply` put them in force)."""
    from engine.runtime.table_files import FOLDER

    node_file(root)  # a wrong --root is told, not an empty list
    there = {path.stem: path for path in sorted((root / FOLDER).glob("*.csv"))}
    lost = [name for name in take if name not in there]
    if lost:
        raise WrongUse(f"{FOLDER} 中没有 · not there: {', '.join(lost)}")
    for name in take:
        _take(there[name], root / MAPPINGS / f"{name}.csv")
    found = [_row(name, path, root / MAPPINGS / f"{name}.csv") for name, path in there.items()]
    if as_json:
        document({"tables": found})
    else:
        for row in found:
            line(f"{row['name']}  {row['rows']} 行 · rows  {row['version']}  {_said(row)}")
        if not found:
            line(f"{FOLDER} 中没有码表文件 · no code table files")
    return FOUND if any(row["state"] != "same" for row in found) else GOOD


def _row(name: str, path: Path, used: Path) -> dict[str, str | int]:
    from engine.runtime.table_files import VERSION, read_rows

    rows = read_rows(path)
    made: dict[str, str | int] = {
        "name": name, "rows": len(rows), "version": max((row.get(VERSION) or "" for row in rows), default=""),
    }  # fmt: skip
    if not used.exists():
        return {**made, "state": "new", "added": len(rows), "gone": 0}
    mine, theirs = ({tuple(row.items()) for row in listed} for listed in (read_rows(used), rows))
    added, gone = len(theirs - mine), len(mine - theirs)
    return {**made, "state": "differs" if added or gone else "same", "added": added, "gone": gone}


def _said(row: dict[str, str | int]) -> str:
    if row["state"] == "same":
        return "与 mappings/tables 相同 · the same as in mappings/tables"
    if row["state"] == "new":
        return "尚未采用 · not taken yet"
    return f"新增或变化 {row['added']} 行，少 {row['gone']} 行 · {row['added']} new or changed, {row['gone']} gone"


def _take(path: Path, into: Path) -> None:
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        beside = into.with_suffix(".new")
        beside.write_bytes(path.read_bytes())
        beside.replace(into)
    except OSError as no:
        raise CannotRun(f"无法写入 · cannot write: {into.name}: {no}") from None
