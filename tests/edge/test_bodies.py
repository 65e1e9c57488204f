"""What comes in is either exactly what was meant or refused by name: bodies of clients, amounts of the parties."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.parties.his.gateway import PARTY
from tests.edge.town import CASH, CODE, START, Reply, Town

CROOKED = ["１２３", "1e5", "-1", "12.345", "", " 1", "1,000", "+1", "0x10", "NaN", None, True, 10**30, [1], {}]


def _no_harm(town: Town, before: int) -> None:
    assert town.touched() == before, "a party was called"
    assert not town.select("SELECT no FROM settlements")


def _refused(reply: Reply, code: str, side: str = "client") -> dict[str, Any]:
    assert reply.status == 400, reply.body.decode()
    reason = reply.json["reason"]
    assert (reason["code"], reason["side"]) == (code, side), reason
    assert reason["zh"]
    assert reason["en"]
    return reply.json


NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "depth of 100,000": b"[" * 100_000,
    "depth of 100,000, closed": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a name twice": b'{"request_no":"a","request_no":"b"}',
    "a name twice inside": b'{"patient":{"id":"P1","id":"P2"}}',
    "a name twice, escaped": b'{"bills":[],"\\u0062ills":[]}',
    "NaN": b'{"request_no":NaN}',
    "Infinity": b'{"request_no":-Infinity}',
    "5,000 digits": b'{"request_no":' + b"1" * 5000 + b"}",
    "1e400": b'{"request_no":1e400}',
    "lone surrogate": b'{"request_no":"\\ud800"}',
    "lone low surrogate": b'{"request_no":"\\udc00"}',
    "surrogate in a name": b'{"\\ud800":1}',
    "not UTF-8": b'{"request_no":"\xff"}',
    "GBK": '{"operator":"张三"}'.encode("gbk"),
    "UTF-16": '{"request_no":"a"}'.encode("utf-16"),
    "cut": b'{"request_no":"a"',
    "two": b"{}{}",
    "NUL in a name": b'{"a\\u0000":1}',
    "raw control character": b'{"request_no":"a\x00b"}',
    "a comment": b"{/*x*/}",
    "single quotes": b"{'request_no':'a'}",
    "trailing comma": b'{"a":1,}',
}


def test_what_is_no_json_is_told_with_its_place(town: Town) -> None:
    no = town.quoted()
    before = town.touched()
    for target in (START, f"/v1/settlements/{no}/pay", f"/v1/settlements/{no}/cancel"):
        for how, body in NOT_JSON.items():
            try:
                told = _refused(town.ask("POST", target, body), "E-BODY")
            except AssertionError as wrong:
                raise AssertionError(f"{target} {how}: {wrong}") from wrong
            assert 0 <= told["offset"] <= len(body), how
    assert town.touched() == before
    assert town.show(no).state == "quoted"


def test_bodies_that_are_no_object(town: Town) -> None:
    before = town.touched()
    for body in (b"[]", b"null", b"1", b'"text"', b"true", b"{}"):
        _refused(town.ask("POST", START, body), "E-FIELD")
    _no_harm(town, before)


def _paths(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places of a tree, inner first."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = [path for key, value in inner for path in _paths(value, (*at, key))]
    return [*found, at] if at else found


def _set(tree: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = copy.deepcopy(tree)
    at: Any = made
    for key in path[:-1]:
        at = at[key]
    if value is _GONE:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return made


_GONE = object()
OPTIONAL = {("campus",), ("lines",)}


def _dotted(path: tuple[Any, ...]) -> str:
    made = ""
    for key in path:
        made += f"[{key}]" if isinstance(key, int) else f".{key}" if made else str(key)
    return made


def _names_the_field(told: dict[str, Any], path: tuple[Any, ...], how: str) -> None:
    wanted = _dotted(path)
    assert any(field == wanted or field.startswith(wanted) or wanted.startswith(field) for field in told["fields"]), (
        how, wanted, told["fields"],
    )  # fmt: skip
    assert told["field"] == told["fields"][0] == told["reason"]["field"]
    assert told["field"] in told["reason"]["zh"]
    assert told["field"] in told["reason"]["en"]


def _bodies(town: Town, no: str, mine: str) -> list[tuple[str, str, dict[str, Any]]]:
    back = {"request_no": "r1", "reason_code": "X"}
    return [
        ("K01", START, town.bill_request(bill="B-NEW")),
        ("K01", f"/v1/settlements/{no}/pay", dict(CODE)),
        ("K01", f"/v1/settlements/{no}/cancel", back),
        ("C01", f"/v1/settlements/{mine}/refunds", {**back, "lines": ["1"]}),
    ]


def test_every_field_missing_or_of_another_type_or_too_long(town: Town) -> None:
    no, mine = town.quoted(), town.quoted("P0006", "B20261122006", client="C01")
    before = town.touched()
    count = 0
    for client, target, body in _bodies(town, no, mine):
        for path in _paths(body):
            wrongs: list[Any] = [None, 1, True, 1.5, [], {}, "", "x" * 100_000, "a\u0000b", "a\nb", "é\u2028"]
            if path not in OPTIONAL and not isinstance(path[-1], int):
                wrongs.append(_GONE)
            if path == ("operator",):  # any text of at most 30 characters that XML and databases can hold, too
                wrongs = [None, 1, True, [], {}, "", "x" * 31, "a\u0000b", "a\u001bb", "a\nb", _GONE]
            if path == ("lines",):
                wrongs = [None, 1, True, {}, "", [1], ["1", "1"], [""], ["x" * 33], ["x"] * 501]
            if path[0] == "lines" and len(path) == 2:
                wrongs = [None, 1, True, [], {}, "", "x" * 33]
            for wrong in wrongs:
                reply = town.ask("POST", target, _set(body, path, wrong), client=client)
                how = f"{target} {_dotted(path)} = {str(wrong)[:20]!r}"
                try:
                    _names_the_field(_refused(reply, "E-FIELD"), path, how)
                except AssertionError as problem:
                    raise AssertionError(f"{how}: {problem}") from problem
                count += 1
    assert count > 200
    assert town.touched() == before
    assert (town.show(no).state, town.show(mine, client="C01").state) == ("quoted", "quoted")


def test_unknown_fields_are_named_not_ignored(town: Town) -> None:
    no, mine = town.quoted(), town.quoted("P0006", "B20261122006", client="C01")
    before = town.touched()
    for client, target, body in _bodies(town, no, mine):
        for path in [(), *[p for p in _paths(body) if isinstance(_at(body, p), dict)]]:
            wrong = _set(body, (*path, "amount"), 1)
            told = _refused(town.ask("POST", target, wrong, client=client), "E-FIELD")
            _names_the_field(told, (*path, "amount"), target)
    assert town.touched() == before


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def test_what_was_refused_leaves_the_number_free(town: Town) -> None:
    """A request that never was one has not used up its request number, its choice number or the bill."""
    body = town.bill_request()
    assert town.ask("POST", START, {**body, "bills": []}).status == 400
    reply = town.ask("POST", START, body)
    assert (reply.status, reply.state) == (200, "quoted")
    no = reply.json["settlement_no"]
    assert town.choose(no, {**CODE, "auth_code": "1"}).status == 400
    assert town.choose(no, CODE).state == "settled"


# Amounts of the parties


def _edited(*path: Any) -> Callable[[Any], Callable[[Any], Any]]:
    """For a value: an edit of an answer that puts it at a place."""
    return lambda value: lambda tree: _set(tree, path, value)


def _ended_unharmed(town: Town, answer: dict[str, Any], side: str, field: str = "") -> None:
    """Nothing charged or booked; the reason says whose answer it was and, when it was unreadable, the field."""
    assert answer["state"] in ("rejected", "undone"), answer
    assert answer["reason"]["side"] in (side, "engine"), answer["reason"]
    assert answer["reason"]["zh"]
    town.expected_errors.add("answer_not_read")
    assert answer["reason"]["code"] not in ("E-SILENT", "E-PAY-EXPIRED"), "it did answer"
    if answer["reason"]["code"] == "E-UNREADABLE" and field and "各项金额之和" not in answer["reason"]["zh"]:
        assert field in answer["reason"]["zh"], answer["reason"]
        assert field in answer["reason"]["en"], answer["reason"]
    assert town.kept() == 0
    assert not town.ledger("wechat", "charge")
    assert not [row for row in town.ledger("his", "book") if row["state"] == "done"]


@pytest.mark.parametrize("value", [*CROOKED, "12000001", "100000000000", 0, "0"], ids=repr)
def test_the_his_amount_of_a_bill(town: Town, value: Any) -> None:
    """The total in another spelling, or another total than the lines': nothing is locked, registered or charged."""
    town.rewrite("his", "query.wait.balance.bill.item.list", _edited("data", "amount")(value), times=9)
    reply = town.ask("POST", START, town.bill_request())
    answer = reply.json if reply.status == 200 and reply.state in ("rejected", "undone") else town.rest(
        str(reply.json["settlement_no"])
    )  # fmt: skip
    _ended_unharmed(town, answer, "his")
    assert not town.ledger("his", "lock") or town.ledger("his", "lock")[-1]["state"] != "done"
    assert not town.ledger("insurance", "register")


@pytest.mark.parametrize("value", ["１２３", "1e5", "12.3456789", None, ""], ids=repr)
@pytest.mark.parametrize("field", ["amount", "price", "qty"])
def test_the_his_amounts_of_a_line(town: Town, field: str, value: Any) -> None:
    town.rewrite("his", "query.wait.balance.bill.item.list", _edited("data", "items", 0, field)(value), times=9)
    reply = town.ask("POST", START, town.bill_request())
    no = str(reply.json["settlement_no"])
    _ended_unharmed(town, town.rest(no), "his", field)
    assert not [row for row in town.ledger("insurance", "upload") if row["state"] == "done"]


def test_a_his_bill_whose_lines_do_not_add_up(town: Town) -> None:
    town.rewrite("his", "query.wait.balance.bill.item.list", lambda t: _set(t, ("data", "amount"), "119999"))
    answer = town.ask("POST", START, town.bill_request()).json
    assert (answer["state"], answer["reason"]["code"], answer["reason"]["side"]) == ("rejected", "E-BILL-SUM", "his")
    assert town.quoted(), "the bill is free for the next try"


def test_a_his_that_answers_yuan_instead_of_fen(town: Town) -> None:
    """Two places behind the point are no fen."""
    town.lab.parties["his"].habits.amounts_in = "yuan"
    answer = town.ask("POST", START, town.bill_request()).json
    _ended_unharmed(town, answer, "his")
    assert not town.ledger("insurance", "register")


@pytest.mark.parametrize("whole", [True, False])
def test_a_his_that_answers_whole_yuan_everywhere(town: Town, whole: bool) -> None:
    """Totals and lines agree, all ×100 off: the lock, taken over the amount, gives it away."""

    def divided(tree: Any) -> Any:
        data = tree["data"]
        factor = 100 if whole else 1 / 100
        data["amount"] = str(int(int(data["amount"]) / factor))
        for line in data["items"]:
            line["amount"] = str(int(int(line["amount"]) / factor))
        return tree

    town.rewrite("his", "query.wait.balance.bill.item.list", divided, times=9)
    answer = town.ask("POST", START, town.bill_request(pay_identity="self_pay")).json
    if answer["state"] not in ("rejected", "undone"):
        answer = town.rest(str(answer["settlement_no"]), 400.0)
        raise AssertionError(f"taken: {answer}")
    _ended_unharmed(town, answer, "his")


SETL = ("output", "setlinfo")


@pytest.mark.parametrize("value", ["１２３", "1e5", "-1", "12.345", None, [1]], ids=repr)
@pytest.mark.parametrize("field", ["medfee_sumamt", "fund_pay_sumamt", "psn_cash_pay", "acct_pay"])
def test_the_insurance_amounts_of_a_quote(town: Town, field: str, value: Any) -> None:
    town.rewrite("insurance", "2206A", _edited(*SETL, field)(value), times=99)
    reply = town.ask("POST", START, town.bill_request())
    assert reply.state != "quoted", reply.body.decode()
    answer = town.rest(str(reply.json["settlement_no"]))
    ours = {"medfee_sumamt": "medfee_sumamt", "fund_pay_sumamt": "fund", "psn_cash_pay": "psn_cash_pay"}
    _ended_unharmed(town, answer, "insurance", ours.get(field, "ac"))
    assert not [row for row in town.ledger("insurance", "register") if row["state"] == "done"], "all was taken back"


@pytest.mark.parametrize("value", ["１２３", "12.345", None, "1e5", 1, "125.00"], ids=repr)
def test_the_insurance_amounts_of_a_settlement(town: Town, value: Any) -> None:
    """Executed, but told crookedly: the engine finds out what is true and all sides agree in the end."""
    no = town.quoted()
    town.rewrite("insurance", "2207A", _edited(*SETL, "fund_pay_sumamt")(value), times=1)
    town.choose(no)
    answer = town.rest(no)
    town.expected_errors.add("answer_not_read")
    settled = [row for row in town.ledger("insurance", "settle") if row["state"] == "done"]
    booked = [row for row in town.ledger("his", "book") if row["state"] == "done"]
    if answer["state"] == "settled":
        assert (town.kept(), len(settled), len(booked)) == (CASH, 1, 1)
        assert answer["amounts"]["fund"] == 12500
    else:
        assert answer["state"] == "undone", answer
        town.expected_errors.add("answer_not_read")
        assert (town.kept(), len(settled), len(booked)) == (0, 0, 0)


def test_a_party_that_answers_deep_or_double_json(town: Town) -> None:
    """Money in doubt is asked for, not guessed."""
    no = town.quoted()
    town.rewrite("his", "balance.and.pay.bill", lambda tree: b"[" * 100_000, times=1)
    town.choose(no)
    assert town.rest(no)["state"] == "settled"
    assert (town.kept(), len(town.ledger("his", "book"))) == (CASH, 1)


@pytest.mark.parametrize("what", ["build", "read"])
def test_our_own_code_stumbles_over_a_party(town: Town, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours in one party's code: the settlement goes on or back, and is never left hanging."""
    no = town.quoted()
    before, left = getattr(PARTY, what), [2]

    def stumbling(call: Any, *rest: Any) -> Any:
        if call.op == "balance.and.pay.bill" and left[0]:
            left[0] -= 1
            raise KeyError("a defect")
        return before(call, *rest)

    monkeypatch.setattr(type(PARTY), what, staticmethod(stumbling))
    town.choose(no)
    assert town.rest(no)["state"] == "settled"
    assert (town.kept(), len(town.ledger("his", "book"))) == (CASH, 1)


def test_a_total_given_twice_in_one_answer(town: Town) -> None:
    def twice(tree: Any) -> bytes:
        text = json.dumps(tree, ensure_ascii=False)
        return text.replace('"amount": "120000"', '"amount": "120000", "amount": "1"', 1).encode()

    town.rewrite("his", "query.wait.balance.bill.item.list", twice, times=99)
    reply = town.ask("POST", START, town.bill_request())
    answer = town.rest(str(reply.json["settlement_no"]))
    _ended_unharmed(town, answer, "his")
