"""`python -m bench.crypto`: what signing, verifying, building and reading cost at each party, beside what the library
alone needs for the same keys; and how late the reactor is while 200 settlements sign and verify at once. Half a minute.

Each party builds the bytes of one call with its own code and reads the answer of its own simulator, both in one
process, without sockets. CPU microseconds; the floor is the bare library call (RSA, SM2, a digest, an XML parse).
The simulator's answers are made once.
"""

from __future__ import annotations

import hashlib
import hmac
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from bench.floors import micro
from bench.report import Row, busy, machine, markdown
from engine.cli.folder import node_file
from engine.cli.keys import references
from engine.codecs.gm import sm2, sm4
from engine.codecs.gm.sm3 import sm3
from engine.core.http import HttpReply, HttpRequest
from engine.parties.contract import Answer, Outgoing
from engine.parties.registry import PARTIES
from engine.site.files import read_files
from engine.site.settings import settings_of
from simulators.base.keys import KeyRing
from simulators.base.wire import Req, Resp
from simulators.base.world import SimWorld
from simulators.registry import party_class

HOME = Path(__file__).resolve().parents[1]
SITES = (HOME, HOME / "docs/examples/commercial_insurance")
NOW = 1795312800.0
TEXT = b"x" * 1024
CASE = "crypto"
# party, op, body, and which library calls its building and its reading need at least
PARTY_CASES: tuple[tuple[str, str, Mapping[str, Any], tuple[str, ...], tuple[str, ...]], ...] = (
    ("wechat", "query", {"out_trade_no": "N1"}, ("RSA sign",), ("RSA verify",)),
    ("wechat", "order_query", {"out_trade_no": "N1"}, ("HMAC-SHA256",), ("XML 1 KiB", "HMAC-SHA256")),
    ("alipay", "query", {"out_trade_no": "N1"}, ("RSA sign",), ("RSA verify",)),
    ("unionpay", "query", {"orderId": "N1000000001", "txnTime": "20261122100000"}, ("RSA sign",), ("RSA verify",)),
    ("commercial", "state", {"claimNo": "N1"}, ("RSA sign",), ("RSA verify",)),
    ("mobile_pay", "6301", {"payOrdId": "N1"}, ("SM2 sign", "SM4 1 KiB"), ("SM2 verify", "SM4 1 KiB")),
    ("nhsa", "1101", {"insuplc_admdvs": "370200", "input": {"data": {}}}, ("SHA-256 1 KiB",), ()),
    ("his", "query.pay.bill", {"settleNo": "N1"}, ("HMAC-SHA256",), ("HMAC-SHA256",)),
    ("einvoice", "find", {"busNo": "N1"}, ("MD5 1 KiB",), ("MD5 1 KiB",)),
    ("municipal", "query", {"yjylsh": "N1"}, (), ("XML 1 KiB",)),
    ("qingdao_legacy", "query", {}, (), ()),
)


def library() -> dict[str, float]:
    """CPU microseconds of each bare call."""
    key = rsa.generate_private_key(65537, 2048)
    signed, public = key.sign(TEXT, PKCS1v15(), SHA256()), key.public_key()
    gm_key = sm2.private_key("0f" * 32)
    gm_public = gm_key.public
    gm_signed = sm2.sign(gm_key, TEXT)
    aead, nonce = AESGCM(bytes(32)), bytes(12)
    sealed = aead.encrypt(nonce, TEXT, b"")
    document = b"<xml>" + b"".join(b"<field%d>value of it</field%d>" % (n, n) for n in range(28)) + b"</xml>"
    calls: dict[str, Callable[[], object]] = {
        "RSA sign": lambda: key.sign(TEXT, PKCS1v15(), SHA256()),
        "RSA verify": lambda: public.verify(signed, TEXT, PKCS1v15(), SHA256()),
        "SM2 sign": lambda: sm2.sign(gm_key, TEXT),
        "SM2 verify": lambda: sm2.verify(gm_public, TEXT, gm_signed),
        "SM3 1 KiB": lambda: sm3(TEXT),
        "SM4 1 KiB": lambda: sm4.encrypt(bytes(16), TEXT, bytes(16)),
        "AES-GCM open 1 KiB": lambda: aead.decrypt(nonce, sealed, b""),
        "HMAC-SHA256": lambda: hmac.digest(b"k" * 32, TEXT, "sha256"),
        "SHA-256 1 KiB": lambda: hashlib.sha256(TEXT).hexdigest(),
        "MD5 1 KiB": lambda: hashlib.md5(TEXT, usedforsecurity=False).hexdigest(),
        "XML 1 KiB": lambda: etree.fromstring(document),
    }
    return {name: micro(call, 0.3) for name, call in calls.items()}


@dataclass(slots=True)
class Talk:
    """One call of a party with its answer. `make`: builds the call's bytes with a nonce of its own."""

    kind: str
    call: Outgoing
    request: HttpRequest
    reply: HttpReply

    def build(self) -> HttpRequest:
        return PARTIES[self.kind].build(self.call)

    def read(self) -> Answer:
        return PARTIES[self.kind].read(self.call, self.request, self.reply)


class Bench:
    """Every party once, on a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        clock = MemoryReactorClock()  # type: ignore[no-untyped-call]  # Twisted left it untyped
        self.world = SimWorld(clock, anchor=NOW)
        self.world.keys = KeyRing(folder / "keys", 1, lambda: NOW)
        self._entries = [(site, entry) for site in SITES for entry in node_file(site).parties.values()]

    def talk(self, kind: str, op: str, body: Mapping[str, Any]) -> Talk:
        """The call, and what the simulator answers it with."""
        party = PARTIES[kind]
        sim = party_class(party.about.simulator)(self.world)
        site, entry = next((site, one) for site, one in self._entries if one.kind == kind)
        card: Any = sim.card("http://sim.example")
        for ref in references(dict(entry.settings)):
            if ref.place.startswith("var/sim/"):
                value: Any = card
                for part in Path(ref.place).parts[3:]:
                    value = value[part]
                (self._folder / ref.place).parent.mkdir(parents=True, exist_ok=True)
                (self._folder / ref.place).write_text(str(value))
        opened = party.open(settings_of(entry, party, self._folder, read_files(site)))
        number = str(body.get("orderId", "N1"))
        call = Outgoing(op, dict(body), number, opened, {"sign_no": "1", "ywzqh": "1"}, NOW, "0" * 32)
        request = party.build(call)
        if kind == "mobile_pay":  # a refusal of its platform is not signed: one that is
            paid = {"payOrdId": "N1", "ordStas": "6", "medOrgOrd": "N1", "feeSumamt": "1.00", "ownPayAmt": "1.00"}
            made: Any = sim.identity.answer(paid, sim.settings)  # type: ignore[attr-defined]  # of this simulator
        else:
            headers = {name.lower(): value for name, value in request.headers}
            req = Req(
                request.method, request.target, unquote(request.path), dict(parse_qsl(request.query)), headers,
                request.body, "127.0.0.1:1",
            )  # fmt: skip
            made = sim.serve(sim.op_of(req), req)
        if isinstance(made, Deferred):
            found: list[Resp] = []
            made.addCallback(found.append)
            made = found[0]
        talk = Talk(kind, call, request, HttpReply(made.status, tuple(made.headers.items()), made.body))
        if not talk.read().intact:
            raise SystemExit(f"{kind} {op}: the answer to be read is not whole: {talk.read().text}")
        return talk


def rows(floors: Mapping[str, float], talks: Mapping[tuple[str, str], Talk]) -> list[Row]:
    """The table."""
    found = [Row(CASE, f"library: {name}", cost, "µs CPU") for name, cost in floors.items()]
    for kind, op, _, building, reading in PARTY_CASES:
        talk = talks[kind, op]
        for what, call, needs in (("build and sign", talk.build, building), ("read and verify", talk.read, reading)):
            cost, floor = micro(call, 0.3), sum(floors[name] for name in needs)
            told = f"{' + '.join(needs)}: {floor:.0f} µs" if needs else ""
            found.append(Row(CASE, f"{kind} {op}: {what}", cost, "µs CPU", told, cost / floor if floor else None))
    return found


def main() -> int:
    """Print the table and the lag; 1 when signing stalls the reactor."""
    from bench.crypto_lag import lag_rows, verdicts

    about, began = {**machine(), "load_before": busy()}, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        talks = {(kind, op): bench.talk(kind, op, body) for kind, op, body, *_ in PARTY_CASES}
    table = rows(library(), talks)
    lag = lag_rows([talks["wechat", "query"], talks["mobile_pay", "6301"]])
    judged = verdicts(table, lag)
    about["seconds"] = round(time.perf_counter() - began)
    print(markdown([*table, *lag], judged, about))
    return 0 if all(one.met for one in judged) else 1


if __name__ == "__main__":
    raise SystemExit(main())
