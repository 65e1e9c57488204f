"""Codes of messages that no code table has, as the interface admin finds them."""

from __future__ import annotations

from pathlib import Path

from engine.cli.listing_unmapped import unmapped_rows
from tests.deliver.ward import MAP, Ward, adt

KINDS = "from_class,to_kind,note\nO,outpatient,\n"


def test_a_message_whose_code_has_no_row_is_a_dead_letter_and_counted(tmp_path: Path) -> None:
    made = MAP + "  - [kind, hl7.PV1_2 | table kinds.kind]\n"
    ward = Ward(tmp_path, maps={"mappings/event.map.yaml": made, "mappings/tables/kinds.csv": KINDS})
    ward.start()
    for control in ("C1", "C2"):
        ward.wait(ward.raw(adt(control)))  # a stay: PV1-2 is I
    ward.wait(ward.raw(adt("C3").replace(b"PV1|1|I", b"PV1|1|O")))
    ward.advance(6)
    assert [control for _, control in ward.emr.got] == ["C3"]
    (row,) = ward.read(lambda conn: unmapped_rows([conn], None, 50))
    assert (row["table"], row["code"], row["times"], row["place"]) == ("kinds", "I", 2, "mappings/event.map.yaml:7")
    ward.stop()
