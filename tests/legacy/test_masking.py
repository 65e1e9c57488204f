"""What an operator sees of messages that have no names in them: fields by name, and no person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.masking.bodies import as_text, show_exchange
from engine.store.calls import body
from engine.store.lists import list_calls
from tests.edge.town import BILL, CODE, PATIENT, Town

PERSON = ("测试甲", "370202198003120117", "A12345678", "0000000001000001", "800312")


def exchanges(town: Town, channel: str, party: str) -> list[tuple[str, bytes, bytes]]:
    """(operation, request, reply) of a settlement's talks with a party, as the engine keeps them."""
    reply = town.ask("POST", f"/v1/{channel}/settlements", town.bill_request(PATIENT, BILL), client="C01")
    no = str(reply.json["settlement_no"])
    town.choose(no, CODE, client="C01")
    assert town.rest(no, client="C01")["state"] == "settled"
    engine = town.lab.engine
    assert engine is not None

    def look(conn: Any) -> list[tuple[str, bytes, bytes]]:
        found = [one for one in list_calls(conn, no) if one["party"] == party]
        kept = ("request_body", "reply_body")
        return [(row["op"], *(body(conn, row[side]) or b"" for side in kept)) for row in found]

    store = engine.store

    async def read() -> list[tuple[str, bytes, bytes]]:
        return await store.read(look)

    found: list[tuple[str, bytes, bytes]] = town.do(read())
    return found


def test_fields_are_named_and_persons_are_covered(town: Town) -> None:
    seen = {}
    for op, request, reply in exchanges(town, "qingdao", "qingdao"):
        asked, told, covered = show_exchange(request, reply)
        assert asked is not None
        assert told is not None
        assert (asked.form, told.form) == ("fixed", "fixed")
        text = f"{as_text(asked)}\n{as_text(told)}"
        assert [word for word in PERSON if word in text] == [], text
        assert "X-Request-Layout" not in text
        seen[op] = (text, covered)
    assert seen.keys() == {"person", "balance", "pay"}
    text, covered = seen["pay"]
    assert covered >= 4
    for shown in ("YL001", "total", "0001200.00", "交易成功", "QD0000000001"):
        assert shown in text


@pytest.mark.parametrize("size", [5, 100, 240, 300, 4000])
def test_a_part_of_a_message_shows_nobody_either(town: Town, size: int) -> None:
    _, request, reply = next(one for one in exchanges(town, "qingdao", "qingdao") if one[0] == "person")
    head, gap, message = reply.partition(b"\r\n\r\n")
    _, told, _ = show_exchange(request, head + gap + message[:size])
    assert told is not None
    assert told.form == "fixed"
    assert [word for word in PERSON if word in told.text] == [], told.text


def test_a_login_page_in_place_of_a_message_is_shown_as_text(town: Town) -> None:
    _, request, _ = exchanges(town, "qingdao", "qingdao")[0]
    page = "200\r\n\r\n<html><body>统一身份认证</body></html>".encode()
    _, told, _ = show_exchange(request, page)
    assert told is not None
    assert told.text


@pytest.mark.parametrize("vendor", ["dareway", "neusoft", "yinhai"])
def test_a_vendors_talk_shows_nobody_whole_or_in_half(
    vendor: str, monkeypatch: pytest.MonkeyPatch, new_town: Callable[..., Town]
) -> None:
    from tests.edge import town as edge
    from tests.legacy.hospital import FormerLab
    from tests.legacy.test_former_insurance_town import settle

    monkeypatch.setattr(edge, "Lab", FormerLab)
    hospital = new_town()
    assert settle(hospital, vendor)["state"] == "settled"
    persons = ("测试甲", "370202198003120117", "A12345678", "SIMSN0001", "37020000000000000001000001", "800312")
    seen = 0
    for row in hospital.lab.parties[vendor].exchanges.since(0)["exchanges"]:
        request, answer = (str(row[side]).encode() for side in ("request", "reply"))
        answer = answer.replace(b"HTTP/1.1 200 OK", b"200", 1)  # as the engine keeps a reply
        for size in (len(answer), len(answer) - 120):
            asked, told, covered = show_exchange(request, answer[:size])
            text = f"{as_text(asked)}\n{as_text(told)}"
            assert [word for word in persons if word in text] == [], text
            assert "SIM-PASSWORD" not in text
            seen += covered
    assert seen > 6
