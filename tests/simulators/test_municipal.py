"""The municipal SOAP platform as its callers meet it; zeep, which knows nothing of us, is the caller."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
import zeep
from memory_http import START
from municipal_hospital import PATH, MunicipalHospital, xml
from twisted.internet.threads import deferToThread  # noqa: TID251 - zeep's own client blocks

from simulators.base.world import SimWorld
from simulators.municipal import MunicipalSim


@pytest.fixture(params=["1.1", "1.2"])
def hospital(request: pytest.FixtureRequest) -> MunicipalHospital:
    return MunicipalHospital(request.param).sign_in()


@pytest.fixture
def desk() -> MunicipalHospital:
    return MunicipalHospital().sign_in()


def test_a_settlement_from_card_to_counters(hospital: MunicipalHospital) -> None:
    visit, quote = hospital.quoted()
    assert (quote["zje"], quote["zfje"], quote["xxzfje"], quote["fhzcje"]) == ("1200.00", "100.00", "50.00", "1050.00")
    assert (quote["tczf"], quote["grzhzf"], quote["xjzf"]) == ("125.00", "0.00", "1075.00")
    code, _, settled = hospital.settle(visit, quote)
    assert code == 0
    assert settled["brjsh"].startswith("JS")
    assert {name: settled[name] for name in quote} == quote
    again, second = hospital.quoted()
    assert second["tczf"] == "525.00", "the deductible is used up: half of 1050.00"
    assert again != visit


def test_the_description_names_where_it_was_asked(desk: MunicipalHospital) -> None:
    text = desk.ask("GET", f"{PATH}?wsdl").body.decode()
    assert text.count(f'location="http://sim.test:1{PATH}"') == 2
    assert desk.ask("GET", PATH).status == 405
    assert desk.ask("GET", "/other?wsdl").status == 404


@pytest_twisted.ensureDeferred
async def test_zeep_over_a_real_socket() -> None:
    from twisted.internet import reactor  # noqa: TID251 - a real socket for an outside client

    world = SimWorld(reactor, anchor=START)
    port = MunicipalSim(world).listen(0)
    url = f"http://127.0.0.1:{port.getHost().port}{PATH}"

    def work() -> list[str]:
        with zeep.Transport(timeout=10, operation_timeout=10).session as session:
            session.trust_env = False
            client = zeep.Client(f"{url}?wsdl", transport=zeep.Transport(session=session))
            told = []
            for name in ("InsuranceSoap11", "InsuranceSoap12"):
                service = client.bind("InsuranceService", name)
                document = MunicipalHospital().document("9100", xml({"czyxm": "自助机"}))
                told.append(service.callService(transCode="9100", inputXml=document))
                with pytest.raises(zeep.exceptions.Fault):
                    _fault(client, service, url)
            return told

    try:
        for answer in await deferToThread(work):
            assert "<appcode>0</appcode>" in answer
            assert answer.startswith('<?xml version="1.0" encoding="GB18030"?>')
    finally:
        await port.stopListening()


def _fault(client: Any, service: Any, url: str) -> None:
    """Call something the platform does not have, in a good envelope."""
    from lxml import etree

    envelope = client.create_message(service, "callService", transCode="1", inputXml="x")
    envelope[0][0].tag = "{http://municipal.example/insurance}other"
    reply = client.transport.post(
        url, etree.tostring(envelope),
        {"Content-Type": f"{'application/soap+xml' if '2003' in envelope.tag else 'text/xml'}; charset=utf-8"},
    )
    service._binding.process_reply(client, service._binding.get("callService"), reply)


def test_a_serial_number_takes_effect_once(desk: MunicipalHospital) -> None:
    visit, quote = desk.quoted()
    number = desk.number()
    first, again = desk.settle(visit, quote, number), desk.settle(visit, quote, number)
    assert first == again
    assert first[0] == 0
    assert len(desk.ledger("settle")) == 1
    code, text, _ = desk.settle(visit, quote, number, account="1")
    assert (code, text) == (-12, "交易流水号重复")
    assert desk.settle(visit, quote)[0] == -10, "another number: already settled"


def test_a_settlement_is_asked_for_by_its_serial_number_and_reversed(desk: MunicipalHospital) -> None:
    visit, quote = desk.quoted()
    number = desk.number()
    assert desk.good("2450", yjylsh=number) == {"yjylsh": number, "jyzt": "0"}
    desk.fault("2410", "timeout_after_commit")
    with pytest.raises(AssertionError, match="no answer"):
        desk.settle(visit, quote, number)
    asked = desk.good("2450", yjylsh=number)
    assert (asked["jyzt"], asked["yjybh"], asked["zje"], asked["xjzf"]) == ("1", "2410", "1200.00", "1075.00")
    desk.good("2421", yjylsh=number, yjybh="2410")
    assert desk.good("2450", yjylsh=number)["jyzt"] == "2"
    assert [row["state"] for row in desk.ledger("settle")] == ["reversed"]
    assert desk.good("2421", yjylsh=number, yjybh="2410") == {}, "once more is harmless"
    assert desk.settle(visit, quote, number)[0] == -13, "the late original"
    assert desk.good("2420", mzlsh=visit, zje="1200.00", zhsybz="0")["tczf"] == "125.00", "counters were given back"


def test_a_reversal_that_overtakes_its_original_buries_it(desk: MunicipalHospital) -> None:
    visit, quote = desk.quoted()
    number = desk.number()
    desk.good("2421", yjylsh=number, yjybh="2410")
    assert desk.settle(visit, quote, number)[:2] == (-13, "该交易流水号已冲正,不能再次提交")
    assert desk.ledger("settle") == []
    desk.sim.act({"act": "set", "reverse_of_unknown": "error"})
    assert desk.call("2421", yjylsh=desk.number(), yjybh="2410")[:2] == (-20, "未找到原交易")


def test_cancelling_goes_backwards_and_once(desk: MunicipalHospital) -> None:
    visit, quote = desk.quoted()
    number, lines = desk.number(), next(iter(desk.sim.platform.visits[visit].uploads))
    settled = desk.settle(visit, quote, number)[2]
    assert desk.call("2320", mzlsh=visit, yjylsh=lines)[0] == -10, "settled lines stay"
    assert desk.call("2430", mzlsh=visit, brjsh="JS0")[0] == -20
    desk.good("2430", mzlsh=visit, brjsh=settled["brjsh"])
    assert desk.call("2430", mzlsh=visit, brjsh=settled["brjsh"])[:2] == (-21, "该结算已撤销或已冲正")
    assert desk.good("2450", yjylsh=number)["jyzt"] == "3"
    assert desk.call("2421", yjylsh=number, yjybh="2410")[:2] == (-21, "原交易已撤销")
    assert desk.call("2240", mzlsh=visit)[0] == -10, "lines first"
    desk.good("2320", mzlsh=visit, yjylsh=lines)
    assert desk.call("2320", mzlsh=visit, yjylsh=lines)[0] == -22
    desk.good("2240", mzlsh=visit)
    assert desk.call("2240", mzlsh=visit)[0] == -21
    states = {kind: [row["state"] for row in desk.ledger(kind)] for kind in ("register", "upload", "settle")}
    assert states == {"register": ["cancelled"], "upload": ["deleted"], "settle": ["cancelled"]}
    assert [row["amount"] for row in desk.ledger("cancel")] == [-120000]


@pytest.mark.parametrize(("changed", "text"), [
    ({"zje": "1200.01"}, "总金额与明细合计不一致"), ({"tczf": "125.01"}, "结算金额与预结算不一致"),
    ({"zhsybz": "1"}, "结算金额与预结算不一致"), ({"mzlsh": "MZ0"}, "不存在或已撤销"),
    ({"xjzf": "1,075.00"}, "字段xjzf格式不正确"), ({"zje": ""}, "字段zje不能为空"), ({"other": "1"}, "未知字段other"),
])  # fmt: skip
def test_a_wrong_settlement_is_refused_and_nothing_is_kept(
    desk: MunicipalHospital, changed: dict[str, str], text: str
) -> None:
    visit, quote = desk.quoted()
    asked = {"mzlsh": visit, "zhsybz": "0", **{name: quote[name] for name in ("zje", "tczf", "grzhzf", "xjzf")}}
    code, told, _ = desk.call("2410", **{**asked, **changed})
    assert code < 0
    assert text in told
    assert desk.ledger("settle") == []


@pytest.mark.parametrize(("field", "value", "text"), [
    ("zje", "800.01", "金额不等于单价乘数量"), ("ylxmbm", "X", "不在目录中"), ("ysbm", "D1", "未备案"),
    ("mxxh", "2", "重复"),
])  # fmt: skip
def test_one_bad_line_refuses_all(desk: MunicipalHospital, field: str, value: str, text: str) -> None:
    visit, rows = desk.registered(), desk.rows()
    rows[0][field] = value
    code, told, _ = desk.call("2310", mzlsh=visit, row=rows)
    assert code == -10
    assert text in told
    assert desk.ledger("upload") == []


def test_without_a_living_cycle_nothing_is_done(desk: MunicipalHospital) -> None:
    desk.world.advance(24 * 3600)
    assert desk.call("2100", **desk.credential("P0001"))[:2] == (-91, "业务周期号无效或已过期,请重新签到")
    desk.sign_in()
    desk.good("2100", **desk.credential("P0001"))
    desk.sim.act({"act": "expire_signin"})
    assert desk.call("2100", **desk.credential("P0001"))[0] == -91


def test_signing_out_wants_a_reconciliation(desk: MunicipalHospital) -> None:
    visit, quote = desk.quoted()
    desk.settle(visit, quote)
    assert desk.call("9110")[:2] == (-10, "本周期尚未对账或对账后又有业务,不能签退")
    assert desk.good("9101", bs="1", zje="1200.00", tczf="125.01")["sfyz"] == "0"
    assert desk.call("9110")[0] == -10
    assert desk.good("9101", bs="1", zje="1200.00", tczf="125.00")["sfyz"] == "1"
    desk.good("9110")
    assert desk.call("9110")[0] == -91


def test_who_is_not_entitled_pays_all(desk: MunicipalHospital) -> None:
    assert desk.quoted("P0003")[1]["tczf"] == "0.00", "not signed"
    desk.sim.act({"act": "sign", "person": "P0003"})
    assert desk.quoted("P0003")[1]["tczf"] == "125.00"
    assert desk.quoted("P0004")[1]["tczf"] == "0.00", "in hospital"
    assert desk.quoted("P0002")[1]["tczf"] == "0.00", "residents' insurance"
    assert desk.call("2100", **desk.credential("P0005"))[:2] == (-10, "未查询到参保信息")


def test_the_account_pays_what_it_has(desk: MunicipalHospital) -> None:
    visit, quote = desk.quoted(account="1")
    assert (quote["grzhzf"], quote["xjzf"], quote["ye"]) == ("320.50", "754.50", "0.00")
    assert desk.settle(visit, quote, account="1")[0] == 0
    assert desk.good("2100", **desk.credential("P0001"))["ye"] == "0.00"


@pytest.mark.parametrize(("document", "text"), [
    ("<input><head/><body/></input>", "缺少XML声明"),
    ('<?xml version="1.0" encoding="UTF-8"?><input/>', "encoding应为"),
    ('<?xml version="1.0" encoding="GB18030"?><input><head>', "XML解析失败"),
    ('<?xml version="1.0" encoding="GB18030"?><!DOCTYPE a><input/>', "不允许DTD"),
    ('<?xml version="1.0" encoding="GBK"?><input><head>𠮷</head></input>', "字符𠮷不在GBK中"),
])  # fmt: skip
def test_a_broken_inner_document(desk: MunicipalHospital, document: str, text: str) -> None:
    code, told, _ = desk.raw("2100", document)
    assert code == -1
    assert text in told


def test_rare_names_in_both_character_sets(desk: MunicipalHospital) -> None:
    assert desk.good("2100", **desk.credential("P0008"))["xm"] == "测试𠮷"
    desk.sim.act({"act": "set", "encoding": "GBK"})
    assert desk.good("2100", **desk.credential("P0008"))["xm"] == "测试?"


def test_faults_and_strange_envelopes(hospital: MunicipalHospital) -> None:
    for kind, wanted in (("soap_fault", "NullPointer"), ("client_fault", "未授权")):
        hospital.fault("2100", kind)
        with pytest.raises(zeep.exceptions.Fault, match=wanted):
            hospital.call("2100", **hospital.credential("P0001"))
    for kind in ("half_xml", "empty_body"):
        hospital.fault("2100", kind)
        with pytest.raises((zeep.exceptions.TransportError, zeep.exceptions.XMLSyntaxError)):
            hospital.call("2100", **hospital.credential("P0001"))
    hospital.fault("2100", "unsure")
    assert hospital.call("2100", **hospital.credential("P0001"))[0] == -6


@pytest.mark.parametrize("body", [
    b"", b"x", b"<a/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    b'<m:callService xmlns:m="http://municipal.example/insurance"><transCode>2100</transCode>'
    b"<transCode>2200</transCode><inputXml>x</inputXml></m:callService></s:Body></s:Envelope>",
])  # fmt: skip
def test_what_is_no_envelope_gets_a_fault(desk: MunicipalHospital, body: bytes) -> None:
    answer = desk.ask("POST", PATH, body, {"Content-Type": "text/xml"})
    assert answer.status == 500
    assert b"<faultcode>" in answer.body
