"""Planted persons: whatever a patient is called, and wherever it is said, it is in no log, meter, list or file."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from simulators.his.answers import Refusal
from simulators.town import PERSONS
from tests.edge.test_bodies import _set
from tests.edge.town import CODE, QR, START, Town
from tests.rig.lab import ROOT

PERSON = PERSONS[0]
NAME, ID_NO, PHONE, CARD = "金丝雀儿", "370202199001019876", "13987654321", "C87654321X"
PLANTED = (NAME, ID_NO, PHONE, CARD, PERSON.name, PERSON.id_no, PERSON.phone, PERSON.card_no)
SAID = f"{NAME} {ID_NO} {PHONE} {CARD}"


def _clean(text: str | bytes, where: str) -> None:
    data = text.encode() if isinstance(text, str) else text
    for word in PLANTED:
        for form in (word.encode(), word.encode("gbk"), json.dumps(word).strip('"').encode()):
            at = data.find(form)
            assert at < 0, f"{word!r} in {where}: …{data[max(0, at - 60) : at + 40]!r}…"


def _seen_by_all(town: Town) -> None:
    """Everything that somebody other than the settlement's own client can look at."""
    _clean(town.lab.log.getvalue(), "the log")
    _clean(town.ask("GET", "/metrics", headers=[]).body, "the meters")
    for path in ("/healthz", "/readyz", "/openapi.json", "/console/", "/nothing"):
        _clean(town.ask("GET", path, headers=[]).body, path)
    for no in [row["no"] for row in town.select("SELECT no FROM settlements")]:
        _clean(town.show(no, client="C01").body, "an answer to another client")


def _on_disk(town: Town) -> None:
    files = [path for path in town.folder.glob("engine.db*") if path.is_file()]
    assert files
    for path in files:
        _clean(path.read_bytes(), path.name)


def _listed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line prints without being asked for one call's bytes."""
    site = town.lab.site()
    for path, data in site.files.items():
        place = town.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    node = (ROOT / "engine.yaml").read_text().replace("sqlite:var/engine.db", "sqlite:engine.db")
    (town.folder / "engine.yaml").write_text(node)
    for name in ("store.key", "index.key"):
        (town.folder / "var" / "keys" / name).write_bytes(bytes(range(32)))
        (town.folder / "var" / "keys" / name).chmod(0o600)
    for words in (["list", "settlements"], ["list", "messages"], ["list", "tasks"]):
        for as_json in ([], ["--json"]):
            out, errors = io.StringIO(), io.StringIO()
            monkeypatch.setattr(sys, "argv", ["engine", *words, "--root", str(town.folder), *as_json])
            with redirect_stdout(out), redirect_stderr(errors), pytest.raises(SystemExit) as ended:
                sys.exit(main())
            assert ended.value.code in (0, 1), (words, errors.getvalue())
            _clean(out.getvalue() + errors.getvalue(), " ".join(words))


def _planted(tree: Any) -> Any:
    """The bill's person and phone are planted as they are; the canary is in every text that is free."""
    data = tree["data"]
    data |= {"phone": PHONE, "extra": SAID, "deptName": SAID[:20]}
    data["diagnoses"][0]["name"] = NAME
    data["items"][0]["itemName"] = f"{NAME} {PHONE}"
    tree["msg"] = SAID
    return tree


def test_a_whole_settlement(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.rewrite("his", "query.wait.balance.bill.item.list", _planted)
    no = town.quoted()
    town.choose(no, QR)
    town.lab.act("wechat", "pay", no=f"{no}P1")
    for more in ({"attach": SAID}, {"payer": {"openid": CARD, "name": NAME}}, {NAME: PHONE}):
        town.callback(town.notice(town.plain(f"{no}P1", **more)))
    town.rest(no)
    _seen_by_all(town)
    _on_disk(town)
    town.do(town.lab.engine.stop())  # type: ignore[union-attr]  # it runs
    town.lab.engine = None
    _on_disk(town)
    _listed(town, monkeypatch)


@pytest.mark.parametrize(
    ("party", "op"),
    [("his", "query.wait.balance.bill.item.list"), ("his", "lock.bill"), ("his", "balance.and.pay.bill"),
     ("insurance", "1101"), ("insurance", "2201"), ("insurance", "2206A"), ("insurance", "2207A"),
     ("einvoice", "issue")],
)  # fmt: skip
def test_error_texts_of_the_parties(town: Town, party: str, op: str) -> None:
    """A party that quotes the patient in its refusal."""

    def refusing(tree: Any) -> Any:
        if party == "his":
            return {**tree, "success": False, "code": "BUSINESS_REFUSED", "msg": SAID, "data": None}
        if party == "insurance":
            return {**tree, "infcode": -1, "err_msg": SAID, "output": None}
        return {**tree, "message": SAID}

    town.rewrite(party, op, refusing, times=3)
    town.expected_errors |= {"answer_not_read"}
    no = str(town.ask("POST", START, town.bill_request()).json["settlement_no"])
    if town.show(no).state == "quoted":
        town.choose(no)
    town.pass_time(1800.0)
    _seen_by_all(town)
    _on_disk(town)


def test_what_a_client_says_in_the_wrong_place(town: Town) -> None:
    body = town.bill_request()
    for wrong in (
        {**body, "name": SAID}, {**body, SAID: 1}, {**body, "operator": 370202199001019876},
        _set(body, ("patient", "id"), SAID), _set(body, ("patient", "credential", "kind"), SAID),
        _set(body, ("patient", "credential", NAME), PHONE), {**body, "bills": [SAID]}, {**body, "pay_identity": CARD},
        {**body, "campus": SAID}, {**body, "request_no": SAID},
    ):  # fmt: skip
        reply = town.ask("POST", START, wrong)
        assert reply.status == 400
        for word in (ID_NO, PHONE, CARD):
            quoted_name = any(word in str(field) for field in reply.json.get("fields", []))
            assert quoted_name or word.encode() not in reply.body, "a value was quoted"
    raw = f'{{"request_no":"{SAID}","request_no":"{SAID}"}}'.encode()
    for data in (raw, SAID.encode(), SAID.encode("gbk")):
        _clean(town.ask("POST", START, data).body, "an answer")
    town.ask("GET", f"/v1/settlements/{CARD}")
    town.ask("GET", f"/v1/outpatient/bills?patient={PHONE}&{CARD}=1")
    town.raw(f"GET /{PHONE} HTTP/1.1\r\nHost: a\r\nX-{CARD}: {ID_NO}\r\n\r\n".encode())
    town.raw(f"{ID_NO} / HTTP/1.1\r\n\r\n".encode())
    no = town.quoted()
    town.choose(no, {**CODE, "choice_no": "1"})
    _seen_by_all(town)
    _on_disk(town)


def test_odd_notices(town: Town) -> None:
    no = town.paying()
    for notice in (
        town.notice(f'{{"{NAME}":1,"{NAME}":2,"mchid":"x"}}'.encode()),
        town.notice(town.plain(SAID[:30])),
        town.notice(town.plain(f"{no}P1", amount=1)),
        town.notice({**town.plain(f"{no}P1"), "amount": {"total": SAID}}),
        town.notice(town.plain(f"{no}P1"), event=SAID),
        town.notice(town.plain(f"{no}P1", mchid=PHONE)),
    ):
        town.callback(notice)
    for value in (SAID.encode().decode("latin-1"), CARD):
        for name in ("Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Signature-Type"):
            town.callback(town.notice(town.plain(f"{no}P1")).with_(name, value))
    town.pass_time(600.0)
    _seen_by_all(town)
    _on_disk(town)


def test_what_our_own_failures_say(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of ours that carries a patient in its text."""
    from engine.runtime.orders import Orders

    def failing(*_: Any) -> Any:
        raise ValueError(SAID)

    monkeypatch.setattr(Orders, "_until_changed", failing)
    town.expected_errors |= {"door_failed"}
    no = town.quoted()
    reply = town.ask("GET", f"/v1/settlements/{no}?wait=5")
    assert reply.status == 500
    _clean(reply.body, "a 500")
    _clean(town.lab.log.getvalue(), "the log")


def test_the_search_can_fail(town: Town, tmp_path: Path) -> None:
    """The canary is really sung where it may be heard, and the search would hear it elsewhere."""
    town.rewrite("his", "query.wait.balance.bill.item.list", _planted)
    town.quoted()
    raw = b"".join(row.reply for row in town.lab.parties["his"].exchanges.rows)
    assert NAME.encode() in raw or json.dumps(NAME).strip('"').encode() in raw
    with pytest.raises(AssertionError, match="in a list"):
        _clean(f'{{"name": "{NAME}"}}', "a list")
    assert Refusal("X", SAID).msg == SAID
