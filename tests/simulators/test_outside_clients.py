"""What clients that have never read a page of ours meet: cards that say enough, and a no for whatever they send."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from twisted.internet.task import Clock

from simulators.base.control import control
from simulators.base.party import SimParty
from simulators.base.wire import Req, Resp, loads
from simulators.base.world import SimWorld
from simulators.commercial import CommercialSim
from simulators.commercial.envelope import Refusal as InsurersNo
from simulators.dareway import DarewaySim
from simulators.einvoice import EinvoiceSim
from simulators.his import HisSim
from simulators.insurance import InsuranceSim
from simulators.mobile_pay import MobilePaySim
from simulators.municipal import MunicipalSim
from simulators.neusoft import NeusoftSim
from simulators.qingdao import QingdaoSim
from simulators.yinhai import YinhaiSim

BILL = {"p_grbh": "A12345678", "p_xm": "测试甲", "p_yltclb": "6"}
ROW = {"ylxmbm": "003105100010000", "ysbm": "D370200000001", "sl": "1", "dj": "400.00", "zje": "400.00"}


def asked(party: SimParty, method: str, path: str, body: Any) -> Resp:
    return control(party, Req(method, path, path, {}, {}, json.dumps(body).encode()))


def made(kind: Any) -> Any:
    return kind(SimWorld(Clock(), anchor=1_795_305_600.0))


@pytest.mark.parametrize("text", ["[NaN]", '{"a": Infinity}', '"\\ud83d"', '{"\\udc00": 1}', "{"])
def test_json_is_read_as_a_strict_platform_reads_it(text: str) -> None:
    """Half a character, once kept, broke every later list it stood in."""
    with pytest.raises(ValueError, match=r"."):
        loads(text)
    with pytest.raises(ValueError, match=r"."):
        loads(text.encode())
    assert Req("POST", "/", "/", {}, {}, text.encode()).json is None
    assert loads('"\\ud83d\\ude00"') == "😀"


def invoked(dareway: DarewaySim, method: str, para: Any) -> dict[str, Any]:
    token = json.loads(dareway.answered("login", {"usercode": "SIMUSER", "password": "SIM-PASSWORD"})["result"])
    given = {"sbjgbh": "370200", "yybm": "H37020000000", "hisjyh": "1", "token": token["resulttext"]}
    text = para if isinstance(para, str) else json.dumps(para)
    return dict(json.loads(dareway.answered("invoke", {**given, "method": method, "jsonPara": text})["result"]))


@pytest.mark.parametrize("rows", [
    [None], [1], [[]], ["x"], [{**ROW, "ysbm": []}], [{**ROW, "sl": "NaN"}], [{**ROW, "dj": 10**30}],
    [{**ROW, "zje": "Infinity"}], [{**ROW, "zje": None}], [{**ROW, "sl": "1e3"}],
])  # fmt: skip
def test_dareway_says_no_to_rows_of_any_shape(rows: list[Any]) -> None:
    dareway = made(DarewaySim)
    said = invoked(dareway, "settle_mz", {**BILL, "p_fypd_ds": rows})
    assert (said["resultcode"], said["resulttext"][:3]) == ("-1", "第1行")
    assert invoked(dareway, "settle_mz", {**BILL, "p_fypd_ds": [ROW]})["resultcode"] == "0"
    assert invoked(dareway, "settle_mz", '{"p_grbh": "\\ud800"}')["resultcode"] == "-1"


def test_cards_name_the_fields_of_their_own_interface() -> None:
    dareway = made(DarewaySim).card("http://x")
    assert dareway["fields"].keys() == dareway["transactions"].keys() - {"login"}
    assert set(dareway["rows"]["p_fypd_ds"]) == ROW.keys()
    municipal, neusoft, yinhai = (made(kind).card("http://x") for kind in (MunicipalSim, NeusoftSim, YinhaiSim))
    assert municipal["rows"]["2310"] == neusoft["rows"]["2310"]
    assert len(municipal["rows"]["2310"]) > 3
    assert len(neusoft["parts"]) == 8
    assert neusoft["replies"]["2410"]
    assert {"yyjylsh", "yljgbh"} <= set(yinhai["head"])
    qingdao = made(QingdaoSim).card("http://x")
    assert (qingdao["begin"], qingdao["end"], qingdao["frame"]) == ("SSSS", "ZZZZ", 4096)


def test_cards_say_how_a_request_is_signed() -> None:
    for kind in (HisSim, EinvoiceSim, CommercialSim):
        assert "HMAC" in made(kind).card("http://x")["sign"] or "MD5" in made(kind).card("http://x")["sign"]
    bureau = made(InsuranceSim)
    words = {"tif": "SHA-256", "x-ca": "seconds", "csb": "HMAC-SHA1", "apikey": "apikey", "none": ""}
    for profile, word in words.items():
        bureau.act({"act": "set", "profile": profile})
        assert word in bureau.card("http://x")["gate"]


def test_sm2_keys_stand_in_the_card_as_libraries_want_them(tmp_path: Path) -> None:
    card = made(MobilePaySim).card("http://x")
    assert (len(card["private_key_hex"]), len(card["platform_key_hex"])) == (64, 130)
    (tmp_path / "key.pem").write_text(card["private_key_pem"], encoding="ascii")
    openssl = shutil.which("openssl")
    assert openssl
    command = [openssl, "pkey", "-in", str(tmp_path / "key.pem"), "-pubout"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 our own key
    assert done.stdout == card["public_key_pem"], done.stderr
    with pytest.raises(Exception, match=r"(?i)curve|unsupported"):  # it is SM2's curve that stands in it
        load_pem_public_key(card["platform_key_pem"].encode())


def test_the_clock_of_signatures_can_stay_with_the_wall() -> None:
    """A client with a clock of its own fetches tomorrow's bills: what is signed, both ways, carries the wall's time."""
    wall = Clock()
    world = SimWorld(wall, anchor=1_795_305_600.0)
    his = HisSim(world)
    assert world.signing() == world.now()
    answer = json.loads(asked(his, "POST", "/sim/clock", {"signing": "wall"}).body)
    assert answer["signing"] == "wall"
    asked(his, "POST", "/sim/clock", {"advance": 86400})
    wall.advance(7)
    assert (world.now(), world.signing()) == (1_795_305_600.0 + 86407, 7.0)
    for given, status in (({"signing": "clock"}, 200), ({"signing": "mine"}, 400), ({}, 400)):
        assert asked(his, "POST", "/sim/clock", given).status == status
    assert world.signing() == world.now()


@pytest.mark.parametrize("signing", ["clock", "wall"])
def test_what_the_platforms_check_follows(signing: str) -> None:
    wall = Clock()
    world = SimWorld(wall, anchor=1_795_305_600.0)
    bureau, his = InsuranceSim(world), HisSim(world)
    world.sign_by(signing)
    world.advance(86400)
    stamp = str(int(world.signing()))
    body = b"{}"
    digest = hashlib.sha256(f"{stamp}SIMTOKENn1{stamp}".encode()).hexdigest()
    heads = {"x-tif-paasid": "SIMPAASID", "x-tif-timestamp": stamp, "x-tif-nonce": "n1", "x-tif-signature": digest}
    assert bureau.gateway.check(heads, body) == ""
    card = his.card("http://x")
    mark = hmac.new(card["secret"].encode(), f"{stamp}\nn1\n".encode() + body, hashlib.sha256).hexdigest()
    heads = {"x-app-id": card["app_id"], "x-timestamp": stamp, "x-nonce": "n1", "x-sign": mark}
    op = "query.patient.info"
    reply = his.serve(op, Req("POST", f"/gateway/{op}", f"/gateway/{op}", {}, heads, body))
    assert isinstance(reply, Resp)
    assert json.loads(reply.body)["code"] != "TIMESTAMP_INVALID"
    assert abs(int(reply.headers["X-Timestamp"]) - world.signing()) < 2


@pytest.mark.parametrize("body", [
    {}, {"idNo": "370202198003120117"}, {"idNo": 1, "name": "测试甲"}, {"idNo": "", "name": None},
])  # fmt: skip
def test_the_insurer_asks_for_whom_it_is_to_look_up(body: dict[str, Any]) -> None:
    """"No policy" was the answer to a question that named nobody."""
    with pytest.raises(InsurersNo, match="不能为空"):
        made(CommercialSim).policies(body)
