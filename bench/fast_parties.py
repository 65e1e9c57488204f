"""Parties that answer at once, in one lean process, to measure the engine alone: HIS, insurance, WeChat, e-invoice, and
where it is asked for (`mobile` in KEYS.json) the mobile insurance payment of bench.fast_mobile.

    python -m bench.fast_parties KEYS.json

They answer the flagship flow (insured, paid by code) with replies of the right shape and signature, always the same
120,000 fen of four lines, and know nothing of bills or money: the simulators do. Everything that names a settlement is
made from one running number (patient, card, bill), so that the time each request spent here can be added up for it.

Prints one JSON line with its ports, then serves until its input ends. Every port also answers `POST /bench/set`
(delays in seconds for each party; `hold`: operations never answered) and `GET /bench/held` (seconds spent here for each
running number, requests for each operation, answers to its notices, and forgets them). The port `stub` answers like a
settled engine: the generator's own ceiling is measured against it.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import hmac
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from time import time as wall  # noqa: TID251 - a platform's own clock
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.internet import reactor  # noqa: TID251 - a benchmark is its own program
from twisted.internet.protocol import Factory, Protocol

NET: Any = reactor
MOBILE_OPS = {"uldFeeInfo": "6201", "pay_order": "6202", "refund_Order": "6203", "query_order_info": "6301",
              "revoke_order": "6401"}  # fmt: skip
NUMBER = re.compile(
    rb'(?:"(?:patientId|billNo)":"[BP]|"mdtrt_cert_no":"A|"psn_no":"3702|<attach><!\[CDATA\[B|"attach":"B)(\d+)'
)
LINES = (
    # line, item, name, kind, unit, price, quantity, amount
    ("1", "K0001", "根管治疗", "05", "根管", 40000, 2, 80000),
    ("2", "K0008", "阿莫西林胶囊", "09", "盒", 25000, 1, 25000),
    ("3", "K0101", "洗牙", "05", "次", 10000, 1, 10000),
    ("4", "K0002", "牙片", "03", "张", 2500, 2, 5000),
)
SETTLED = {
    "insutype": "310", "psn_type": "1101", "med_type": "11", "medfee_sumamt": 1200.0, "fulamt_ownpay_amt": 100.0,
    "overlmt_selfpay": 0.0, "preselfpay_amt": 50.0, "inscp_scp_amt": 1050.0, "act_pay_dedc": 800.0, "hifp_pay": 125.0,
    "pool_prop_selfpay": 0.5, "cvlserv_pay": 0.0, "hifes_pay": 0.0, "maf_pay": 0.0, "oth_pay": 0.0,
    "fund_pay_sumamt": 125.0, "psn_part_amt": 1075.0, "acct_pay": 0.0, "psn_cash_pay": 1075.0, "hosp_part_amt": 0.0,
    "balc": 320.5, "acct_mulaid_pay": 0.0, "clr_way": "1", "clr_type": "11", "refd_setl_flag": "0",
}  # fmt: skip
DETAIL = [{"fund_pay_type": "310100", "inscp_scp_amt": 1050.0, "crt_payb_lmt_amt": 1700.0, "fund_payamt": 125.0}]


def text(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def of(body: bytes, name: bytes) -> str:
    """The text of a field, looked for in the bytes: nothing is parsed here."""
    start = body.find(b'"' + name + b'":"')
    return body[start + len(name) + 4 : body.index(b'"', start + len(name) + 4)].decode() if start >= 0 else ""


def header(head: bytes, name: bytes) -> bytes:
    start = head.find(b"\r\n" + name + b": ")
    return head[start + len(name) + 4 : head.index(b"\r\n", start + 2)] if start >= 0 else b""


class His:
    """The HIS gateway: signs over the request's own nonce."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._secret = keys["his"].encode()
        day = keys["day"]
        moment = f"{day} 08:00:00"
        items = [
            {"lineNo": line, "itemCode": code, "itemName": name, "itemType": kind, "spec": "", "unit": unit,
             "price": str(price), "qty": str(count), "amount": str(amount), "time": moment, "deptCode": "KQ01",
             "deptName": "牙体牙髓科", "drCode": "D01", "drName": "模拟医师一", "rxNo": "RXNUMBER", "outside": "0"}
            for line, code, name, kind, unit, price, count, amount in LINES
        ]  # fmt: skip
        bill = {
            "billNo": "BNUMBER", "billVersion": "8e9a5bc441eb1a47", "status": "unpaid", "patientId": "PNUMBER",
            "patientName": "测试甲", "idNo": "370202198003120117", "gender": "1", "birth": "1980-03-12",
            "phone": "13900000001", "visitNo": "VNUMBER", "visitTime": moment, "deptCode": "KQ01",
            "deptName": "牙体牙髓科", "caty": "A12", "drCode": "D01", "drName": "模拟医师一", "campus": "main",
            "amount": "120000", "items": items,
            "diagnoses": [{"code": "K04.001", "name": "急性牙髓炎", "type": "1", "sort": "1", "time": moment}],
        }  # fmt: skip
        self._bill = text(bill)

    def answer(self, path: bytes, head: bytes, body: bytes, number: bytes) -> tuple[bytes, bytes]:
        op = path.rpartition(b"/")[2]
        if op == b"query.wait.balance.bill.item.list":
            data = self._bill.replace(b"NUMBER", number)
        elif op == b"lock.bill":
            until = of(body, b"expireTime")
            data = text({"billNo": of(body, b"billNo"), "lockNo": of(body, b"lockNo"), "until": until})
        elif op == b"balance.and.pay.bill":
            data = text({"settleNo": of(body, b"settleNo"), "receiptNo": f"R{number.decode()}", "payTime": ""})
        else:  # query.pay.bill
            data = text({"settleNo": of(body, b"settleNo"), "state": "NONE"})
        data = b'{"success":true,"code":"0","msg":"OK","data":' + data + b"}"
        stamp, nonce = header(head, b"X-Timestamp"), header(head, b"X-Nonce")
        sign = hmac.new(self._secret, stamp + b"\n" + nonce + b"\n" + data, hashlib.sha256).hexdigest()
        return data, b"X-Timestamp: " + stamp + b"\r\nX-Nonce: " + nonce + b"\r\nX-Sign: " + sign.encode() + b"\r\n"


class Insurance:
    """The insurance platform with no gateway in front of it."""

    def __init__(self, keys: dict[str, str]) -> None:
        person = {
            "baseinfo": {"psn_no": "3702NUMBER", "certno": "370202198003120117", "psn_name": "测试甲", "gend": "1"},
            "insuinfo": [
                {"balc": 320.5, "insutype": "310", "psn_type": "1101", "psn_insu_stas": "1", "insuplc_admdvs": "370200"}
            ],
            "idetinfo": [],
        }
        signed = [{"fixmedins_code": "H37020000099", "fixmedins_name": "模拟社区卫生服务中心",
                   "begndate": "2020-01-05", "enddate": "2099-12-31"}]  # fmt: skip
        fees = [
            {"feedetl_sn": line, "det_item_fee_sumamt": amount / 100, "cnt": count, "pric": price / 100,
             "selfpay_prop": 0.0, "chrgitm_lv": "01", "med_chrgitm_type": kind}
            for line, _, _, kind, _, price, count, amount in LINES
        ]  # fmt: skip
        quote = {"setl_id": None, "medins_setl_id": "MSGID", **SETTLED}
        settled = {**quote, "setl_id": "S3702NUMBER", "setl_time": f"{keys['day']} 08:00:00"}
        outputs = {
            "9001": {"signinoutb": {"sign_no": "680001", "sign_time": f"{keys['day']} 08:00:00"}},
            "1101": person,
            "5302": {"psnfixmedin": signed},
            "5303": {"data": []},
            "2201": {"data": {"mdtrt_id": "V3702NUMBER", "psn_no": "3702NUMBER", "ipt_otp_no": "MSGID"}},
            "2203A": None,
            "2204": {"result": fees},
            "2206A": {"setlinfo": quote, "setldetail": DETAIL},
            "2207A": {"setlinfo": settled, "setldetail": DETAIL},
            "5203": {"setlinfo": settled, "setldetail": DETAIL},
        }
        self._ready = {op: text({"output": made, "infcode": 0, "err_msg": ""}) for op, made in outputs.items()}
        self._not_here = text({"output": None, "infcode": -1, "err_msg": "no part of a settlement: not measured"})
        self.settled: dict[bytes, str] = {}  # running number → msgid of its 2207A

    def answer(self, path: bytes, head: bytes, body: bytes, number: bytes) -> tuple[bytes, bytes]:
        op, msgid = of(body, b"infno"), of(body, b"msgid")
        if op == "5203":
            msgid = self.settled.get(number, msgid)
        return self._ready.get(op, self._not_here).replace(b"NUMBER", number).replace(b"MSGID", msgid.encode()), b""


class WeChat:
    """A payment code is charged at once: by version 2, and by version 3 where there is a key to sign with."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys, self._count = keys, 0
        pem = keys.get("wechat_key")
        self._key: Any = load_pem_private_key(pem.encode(), None) if pem else None

    def _by_v3(self, body: bytes) -> tuple[bytes, bytes]:
        """The same with RSA over time, nonce and body."""
        asked = json.loads(body)
        said = text({
            "appid": self._keys["appid"], "mchid": self._keys["mchid"], "out_trade_no": asked["out_trade_no"],
            "transaction_id": f"42{self._count:026}", "trade_type": "CODEPAY", "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功", "attach": asked.get("attach", ""), "payer": {"openid": "oBench"},
            "success_time": "2026-11-22T08:00:00+08:00",
            "amount": {"total": asked["amount"]["total"], "payer_total": asked["amount"]["total"], "currency": "CNY",
                       "payer_currency": "CNY"},
        })  # fmt: skip
        stamp, nonce = b"%d" % wall(), b"N%031d" % self._count
        mark = self._key.sign(stamp + b"\n" + nonce + b"\n" + said + b"\n", PKCS1v15(), SHA256())
        heads = {
            b"Wechatpay-Timestamp": stamp, b"Wechatpay-Nonce": nonce, b"Wechatpay-Signature": base64.b64encode(mark),
            b"Wechatpay-Serial": self._keys["wechat_serial"].encode(),
        }  # fmt: skip
        return said, b"".join(name + b": " + value + b"\r\n" for name, value in heads.items())

    def answer(self, path: bytes, head: bytes, body: bytes, number: bytes) -> tuple[bytes, bytes]:
        if path.startswith(b"/v3/"):
            self._count += 1
            return self._by_v3(body)
        asked = dict(re.findall(r"<(\w+)><!\[CDATA\[([^\]]*)\]\]>", body.decode()))
        self._count += 1
        fields = {
            "return_code": "SUCCESS", "return_msg": "OK", "appid": self._keys["appid"], "mch_id": self._keys["mchid"],
            "nonce_str": f"N{self._count}", "result_code": "SUCCESS", "out_trade_no": asked["out_trade_no"],
            "trade_type": "MICROPAY", "total_fee": asked.get("total_fee", "107500"), "fee_type": "CNY",
            "transaction_id": f"42{self._count:026}", "time_end": "20261122080000", "sign_type": "HMAC-SHA256",
            "trade_state": "SUCCESS", "attach": asked.get("attach", ""),
        }  # fmt: skip
        key = self._keys["wechat"]
        data = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name]) + f"&key={key}"
        fields["sign"] = hmac.new(key.encode(), data.encode(), hashlib.sha256).hexdigest().upper()
        return ("<xml>" + "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in fields.items()) + "</xml>").encode(), b""


class EInvoice:
    """The e-invoice platform: Base64 in Base64, signed."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys, self._count = keys, 0

    def answer(self, path: bytes, head: bytes, body: bytes, number: bytes) -> tuple[bytes, bytes]:
        self._count += 1
        bill = {"billBatchCode": "37060126", "billNo": f"{self._count:010}", "random": "c63f0c",
                "createTime": "20261122080000000", "pictureUrl": "https://ebill.example/m/1"}  # fmt: skip
        inner = text({"result": "S0000", "message": base64.b64encode(text(bill)).decode()})
        data, noise = base64.b64encode(inner).decode(), f"{self._count:032x}"
        plain = f"appid={self._keys['einvoice_app']}&data={data}&noise={noise}&key={self._keys['einvoice']}&version=1.0"
        return text({"data": data, "noise": noise, "sign": hashlib.md5(plain.encode()).hexdigest().upper()}), b""


class Stub:
    """Answers as an engine would that has nothing to do."""

    def __init__(self, keys: dict[str, str]) -> None:
        amounts = {"total": 120000, "fund": 12500, "account": 0, "relief": 0, "other": 0, "cash": 107500}
        start = {"settlement_no": "S20261122080000000001", "request_no": "K01", "amounts": amounts}
        self._quoted, self._settled = text({**start, "state": "quoted"}), text({**start, "state": "settled"})

    def answer(self, path: bytes, head: bytes, body: bytes, number: bytes) -> tuple[bytes, bytes]:
        return (self._settled if path.endswith(b"/pay") else self._quoted), b""


PARTIES: dict[str, Callable[[dict[str, str]], Any]] = {
    "his": His, "insurance": Insurance, "wechat": WeChat, "einvoice": EInvoice, "stub": Stub,
}  # fmt: skip


class Books:
    """What happened here since it was last asked."""

    def __init__(self) -> None:
        self.held: dict[str, float] = {}
        self.ops: Counter[str] = Counter()
        self.delays: dict[str, float] = {}
        self.hold: frozenset[str] = frozenset()
        self.parties: dict[str, Any] = {}

    def command(self, path: bytes, body: bytes) -> bytes:
        if path == b"/bench/set":
            asked = json.loads(body)
            self.hold = frozenset(asked.get("hold", ()))
            self.delays.update(asked.get("delays", {}))
            self.parties["insurance"].settled.update((k.encode(), v) for k, v in asked.get("settled", {}).items())
            return b"{}"
        mobile = self.parties.get("mobile_pay")
        said = text({"held": self.held, "ops": self.ops, "notices": mobile.notices if mobile else {}})
        self.held, self.ops = {}, Counter()
        if mobile:
            mobile.notices.clear()
        return said


class Door(Protocol):
    """One connection to a party: requests with Content-Length, one at a time."""

    def __init__(self, name: str, books: Books) -> None:
        self._name, self._books, self._buffer = name, books, b""
        self._wire: Any = None

    def connectionMade(self) -> None:
        self._wire = self.transport
        self._wire.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = buffer[:end]
        end += 4
        size = int(header(head + b"\r\n", b"Content-Length") or b"0")
        if len(buffer) < end + size:
            return
        self._buffer = buffer[end + size :]
        self._asked(head + b"\r\n", buffer[end : end + size], perf_counter())

    def _asked(self, head: bytes, body: bytes, began: float) -> None:
        books, path = self._books, head.split(b" ", 2)[1]
        if path.startswith(b"/bench/echo/"):
            NET.callLater(books.delays.get(self._name, 0.0), self._echo, path.rpartition(b"/")[2].decode(), began)
            return
        if path.startswith(b"/bench/"):
            self._say(books.command(path, body), b"")
            return
        op = of(body, b"infno") if self._name == "insurance" else path.rpartition(b"/")[2].decode()
        op = MOBILE_OPS.get(op, op)
        found = NUMBER.search(base64.b64decode(of(body, b"data")) if self._name == "einvoice" else body)
        number = found[1].lstrip(b"0") if found else b""
        if op in books.hold:
            return
        delay = books.delays.get(self._name, 0.0)
        if delay:
            NET.callLater(delay, self._answer, op, path, head, body, number, began)
        else:
            self._answer(op, path, head, body, number, began)

    def _answer(self, op: str, path: bytes, head: bytes, body: bytes, number: bytes, began: float) -> None:
        books = self._books
        self._say(*books.parties[self._name].answer(path, head, body, number))
        books.ops[op] += 1
        if number:
            key = number.decode()
            books.held[key] = books.held.get(key, 0.0) + perf_counter() - began

    def _echo(self, number: str, began: float) -> None:
        """As long as an answer takes, and nothing else: see bench.relay."""
        held = self._books.held
        self._say(b"{}", b"")
        held[number] = held.get(number, 0.0) + perf_counter() - began

    def _say(self, body: bytes, more: bytes) -> None:
        self._wire.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + more
            + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        )  # fmt: skip


def _until_told() -> None:
    """Our parent closes our input, or ends."""
    sys.stdin.read()
    NET.callFromThread(NET.stop)


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        keys = json.load(file)
    books = Books()
    ports = {}
    for name, made in PARTIES.items():
        books.parties[name] = made(keys)
    if "mobile" in keys:
        from bench.fast_mobile import MobilePay  # the simulators' code only where it is measured

        books.parties["mobile_pay"] = MobilePay(keys["mobile"], NET)
    for name in books.parties:
        factory: Any = Factory()
        factory.noisy = False
        factory.buildProtocol = lambda addr, name=name: Door(name, books)
        ports[name] = NET.listenTCP(keys.get("ports", {}).get(name, 0), factory, interface="127.0.0.1").getHost().port
    print(json.dumps(ports), flush=True)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    NET.callInThread(_until_told)
    NET.run()


if __name__ == "__main__":
    main(sys.argv[1])
