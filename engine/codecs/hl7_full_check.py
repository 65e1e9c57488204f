"""hl7apy's own validation of a message, for tools: it takes some 15 ms and knows the groups' order and tables."""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from engine.codecs.hl7_tables import structure_of, tables
from engine.codecs.hl7v2 import from_text

_NAMED_BY_US: Final = "Invalid children detected for <Field MSH_9"  # in 2.3 MSH-9 has two components only
_MISSING: Final = re.compile(r"Missing required child ([A-Z0-9_]+)\.[A-Z0-9_]+")


def full_check(text: str, *, warnings: bool = False) -> list[str]:
    """What hl7apy finds wrong with a message, in its words; empty when nothing.

    Of a choice hl7apy wants every branch (`ORM_O01_OBRRQDRQ1RXOODSODT_SUPPGRP.RQD`): that is left out. `warnings`
    adds values that are in no HL7 table. A verdict to inform people by: the checking plan decides.
    """
    try:
        message = parse_message(_named(text), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True)
        choices = {name for name, reference in tables(message.version).GROUPS.items() if reference[0] == "choice"}
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.txt"
            with suppress(HL7apyException):  # the first of the errors that stand in the report
                Validator.validate(message, report_file=str(report))
            lines = report.read_text(encoding="utf-8").splitlines()
    except (HL7apyException, ValueError) as fault:
        return [f"hl7apy cannot read it: {type(fault).__name__}"]
    found = []
    for line in lines:
        kind, _, what = line.partition(": ")
        missing = _MISSING.match(what)
        ours = message.version == "2.3" and what.startswith(_NAMED_BY_US)
        if (kind == "Error" or warnings) and not ours and not (missing and missing[1] in choices):
            found.append(what)
    return found


def _named(text: str) -> str:
    """The text with its structure in MSH-9.3, without which hl7apy cannot tell ADT^A08 from an unknown message."""
    message = from_text(text)
    header = message.header
    structure = structure_of(header.version, header.code, header.event, header.structure)
    if structure and not header.structure:
        message.set("MSH-9.3", structure)
    return message.to_text()
