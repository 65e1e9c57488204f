"""An Excel workbook (.xlsx) of plain tables, for desks that work in spreadsheets.

Text is written as text: what begins with `=` is never a formula, a long number never rounded.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final
from xml.sax.saxutils import escape, quoteattr

Cell = str | int | None
Sheets = Sequence[tuple[str, Sequence[Sequence[Cell]]]]
_BARRED: Final = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # not in XML 1.0
_CELL_MAX: Final = 32_767
_NARROW, _WIDE = 8, 60
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.{}+xml"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # of the entries: the same tables make the same file


def write_workbook(path: Path | BinaryIO, sheets: Sheets) -> None:
    """`sheets`: name (at most 31 characters) and rows; the first row is the heading and stays in view. An int is a
    number of hundredths and shown with two decimals: amounts in fen become yuan. Errors: OSError."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in _parts(sheets):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            book.writestr(entry, _HEAD + text)


def _parts(sheets: Sheets) -> list[tuple[str, str]]:
    places = range(1, len(sheets) + 1)
    kind = _SHEET_TYPE.format("worksheet")
    kinds = "".join(f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}"/>' for n in places)
    names = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, (name, _) in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in places
    )
    return [
        ("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types">'
         '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
         f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE.format("sheet.main")}"/>'
         f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET_TYPE.format("styles")}"/>{kinds}</Types>'),
        ("_rels/.rels", f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
         f'Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>'),
        ("xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>{names}</sheets></workbook>'),
        ("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{_PACKAGE}/relationships">{links}<Relationship '
         f'Id="rId{len(sheets) + 1}" Type="{_DOCUMENT}/styles" Target="styles.xml"/></Relationships>'),
        ("xl/styles.xml", _STYLES),
        *((f"xl/worksheets/sheet{n}.xml", _sheet(rows)) for n, (_, rows) in zip(places, sheets, strict=True)),
    ]  # fmt: skip


# 0 as it is, 1 bold (headings), 2 two decimals (yuan), 3 text, broken where the column ends; all begin at the top
_STYLES: Final = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    "</fills><borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1">'
    '<alignment vertical="top"/></xf>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1">'
    '<alignment vertical="top" wrapText="1"/></xf></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def _sheet(rows: Sequence[Sequence[Cell]]) -> str:
    lines = "".join(
        f'<row r="{n}">{"".join(_cell(_place(at, n), cell, n == 1) for at, cell in enumerate(row))}</row>'
        for n, row in enumerate(rows, 1)
    )
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    page = '<pageSetup paperSize="9" orientation="landscape" fitToWidth="1" fitToHeight="0"/>'  # A4, no column cut off
    return (
        f'<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>{view}{_columns(rows)}'
        f"<sheetData>{lines}</sheetData>{_filter(rows)}{page}</worksheet>"
    )


def _filter(rows: Sequence[Sequence[Cell]]) -> str:
    """Arrows at the headings: a day's list is looked at kind by kind, bill by bill."""
    return f'<autoFilter ref="A1:{_place(len(rows[0]) - 1, len(rows))}"/>' if len(rows) > 1 else ""


def _columns(rows: Sequence[Sequence[Cell]]) -> str:
    """As wide as their longest cell, within reason: nobody reads a column of eight characters."""
    count = max(map(len, rows), default=0)
    if not count:
        return ""
    widths = (max((_width(row[at]) for row in rows if at < len(row)), default=0) for at in range(count))
    columns = "".join(
        f'<col min="{n}" max="{n}" width="{min(max(wide, _NARROW), _WIDE) + 2}" customWidth="1"/>'
        for n, wide in enumerate(widths, 1)
    )
    return f"<cols>{columns}</cols>"


def _width(cell: Cell) -> int:
    """Columns of a screen: a Chinese character takes two."""
    return sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in f"{cell}") if cell is not None else 0


def _place(column: int, row: int) -> str:
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return f"{name}{row}"


def _cell(place: str, cell: Cell, heading: bool) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int):
        sign, fen = ("-", -cell) if cell < 0 else ("", cell)
        return f'<c r="{place}" s="2"><v>{sign}{fen // 100}.{fen % 100:02d}</v></c>'
    text = escape(_BARRED.sub("\ufffd", cell)[:_CELL_MAX])
    style = ' s="1"' if heading else ' s="3"'
    return f'<c r="{place}"{style} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
