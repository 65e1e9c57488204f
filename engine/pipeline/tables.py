"""Look-ups in code tables, for the `table` filter and the `join` form."""

from __future__ import annotations

from typing import Any

from engine.config.problems import Mark, nearest
from engine.pipeline.code_table import CodeTable
from engine.pipeline.compiling import Compiling, Run, Scope
from engine.pipeline.filters_time import instant_of
from engine.pipeline.paths import path_getter
from engine.pipeline.rejected import Absent, kind_of, wrong


def column_of(work: Compiling, table: CodeTable, column: str, mark: Mark) -> int | None:
    """The index of a column in a table's rows; None after noting that there is none."""
    if column in table.columns:
        return table.columns.index(column)
    work.wrong("E617", mark, hint=nearest(column.removeprefix("to_"), table.columns), table=table.name, name=column)
    return None


def counted(work: Compiling, table: CodeTable, has: int, mark: Mark) -> bool:
    """Whether a look-up gives as many values as the table has `from_` columns; noted when not."""
    if has == len(table.keys):
        return True
    work.wrong("E618", mark, table=table.name, wants=len(table.keys), names="、".join(table.keys), has=has)
    return False


def table_now(work: Compiling, table: CodeTable, mark: Mark) -> Run | None:
    """The instant a look-up is for when the map does not say `at`: now; None for a table without dates."""
    if not table.dated:
        return None
    work.read("now", mark)
    return path_getter("now")


def table_row(table: CodeTable, keys: list[Run], when: Run | None) -> Run:
    """Looks a row up; Absent (E-UNMAPPED, with table and key for the counters) when there is none."""
    look = table.row

    def absent(key: Any) -> Absent:
        shown = key if type(key) is str else " + ".join(key)
        return Absent("E-UNMAPPED", detail=f"the table {table.name} has no row for {shown}",
                      about={"table": table.name, "key": shown})  # fmt: skip

    if len(keys) == 1:
        only = keys[0]

        def row(data: Scope) -> Any:
            key = only(data)
            if type(key) is not str:
                key = _code(key)
            found = look(key, None if when is None else instant_of(when(data)))
            if found is None:
                raise absent(key)
            return found

    else:

        def row(data: Scope) -> Any:
            key = tuple([_code(run(data)) for run in keys])
            found = look(key, None if when is None else instant_of(when(data)))
            if found is None:
                raise absent(key)
            return found

    return row


def _code(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    raise wrong(f"{kind_of(value)} is no code")
