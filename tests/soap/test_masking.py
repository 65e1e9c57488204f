"""What an operator sees of a municipal exchange: the document inside is read too, and no person in it is shown."""

from __future__ import annotations

import pytest

from engine.masking.bodies import as_text, show_exchange
from tests.edge.town import BILL, PATIENT, Town

PERSON = ("测试甲", "370202198003120113", "A12345678", "SIMSN0001")


@pytest.mark.parametrize("cdata", ["", "cdata: 'no'"])
def test_no_person_is_shown_in_either_side_of_a_reading(town: Town, cdata: str) -> None:
    reply = town.ask("POST", "/v1/municipal/settlements", town.bill_request(PATIENT, BILL), client="C01")
    assert reply.state == "quoted"
    seen = 0
    for row in town.lab.parties["municipal"].exchanges.since(0)["exchanges"]:
        request, answer = (str(row[side]).encode("utf-8") for side in ("request", "reply"))
        answer = answer.replace(b"HTTP/1.1 200 OK", b"200", 1)  # as the engine keeps a reply
        if cdata:  # the same as escaped text
            request, answer = (_escaped(data) for data in (request, answer))
        asked, told, covered = show_exchange(request, answer)
        text = f"{as_text(asked)}\n{as_text(told)}"
        assert "jylsh" in text, "the document inside is laid out"
        assert [word for word in PERSON if word in text] == [], text
        seen += covered
    assert seen > 6


def test_half_a_reply_shows_nobody_either(town: Town) -> None:
    town.ask("POST", "/v1/municipal/settlements", town.bill_request(PATIENT, BILL), client="C01")
    rows = town.lab.parties["municipal"].exchanges.since(0)["exchanges"]
    answer = next(str(row["reply"]).encode() for row in rows if row["op"] == "2100")
    end = answer.index(b"</csrq>")
    _, told, _ = show_exchange(None, answer.replace(b"HTTP/1.1 200 OK", b"200", 1)[:end])
    assert told is not None
    assert told.form == "text"
    assert [word for word in PERSON if word in told.text] == [], told.text


def _escaped(data: bytes) -> bytes:
    head, _, rest = data.partition(b"<![CDATA[")
    inner, _, tail = rest.rpartition(b"]]>")
    return head + inner.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;") + tail
