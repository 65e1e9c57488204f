"""The judge for workbooks: PyPI `openpyxl`, which reads them as a spreadsheet program does."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import openpyxl
from loop import serve


def read(path):
    """Every sheet: its cells (value, "n" or "s", how a number is shown), what stays in view, widths, the filter."""
    book = openpyxl.load_workbook(path)
    pages = {sheet.title: (sheet.page_setup, sheet.sheet_properties.pageSetUpPr) for sheet in book.worksheets}
    return [
        {
            "name": sheet.title,
            "rows": [[[cell.value, cell.data_type, cell.number_format] for cell in row] for row in sheet.iter_rows()],
            "frozen": sheet.freeze_panes,
            "widths": [sheet.column_dimensions[cell.column_letter].width for cell in sheet[1]],
            "filter": sheet.auto_filter.ref,
            "page": [
                pages[sheet.title][0].orientation, pages[sheet.title][0].fitToHeight, pages[sheet.title][1].fitToPage
            ],
        }
        for sheet in book.worksheets
    ]


serve({"read": read})
