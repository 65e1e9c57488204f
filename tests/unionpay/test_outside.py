"""A client made of `openssl` and the simulator's card alone, over real sockets: nothing of the engine, no SDK."""

from __future__ import annotations

import hashlib
import json
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread  # noqa: TID251 - openssl and urllib block

from simulators.base.world import SimWorld
from simulators.unionpay import UnionPaySim
from simulators.unionpay.book import TEXTS


def openssl(*arguments: str, data: bytes) -> bytes:
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False, timeout=20)  # noqa: S603, S607 the system's openssl is the judge
    assert done.returncode == 0, done.stderr
    return done.stdout


class Client:
    """What a hospital's own programmer would write on one afternoon."""

    def __init__(self, address: str, folder: Path) -> None:
        self.folder, self.encoding, self.tail = folder, "UTF-8", ""
        self.card = json.loads(self._get(f"{address}/sim/card.json"))
        for name in ("root", "middle", "sign_private_key"):
            (folder / name).write_text(self.card[name])

    def _get(self, url: str, body: bytes | None = None) -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, body), timeout=20) as reply:  # noqa: S310 the simulator's own address
            found: bytes = reply.read()
            return found

    def ask(self, url: str, **fields: str) -> dict[str, str]:
        """Sign, post, check certificate and signature, and read."""
        whole = {
            "version": "5.1.0", "encoding": self.encoding, "signMethod": "01", "bizType": "000000", "accessType": "0",
            "merId": self.card["mer_id"], "certId": self.card["cert_id"], **fields,
        }  # fmt: skip
        made = openssl("dgst", "-sha256", "-sign", str(self.folder / "sign_private_key"), data=self._hashed(whole))
        whole["signature"] = openssl("base64", "-A", data=made).decode()
        form = urlencode(whole, encoding=self.encoding) + self.tail
        raw = self._get(self.card[url], form.encode()).decode(self.encoding)
        answer = dict(pair.split("=", 1) for pair in raw.split("&"))
        self._judge(answer)
        return answer

    def _hashed(self, fields: dict[str, str]) -> bytes:
        text = "&".join(f"{k}={fields[k]}" for k in sorted(fields) if k != "signature")
        return hashlib.sha256(text.encode(self.encoding)).hexdigest().encode()

    def _judge(self, answer: dict[str, str]) -> None:
        place = {name: str(self.folder / name) for name in ("root", "middle", "leaf", "public", "signature")}
        (self.folder / "leaf").write_text(answer["signPubKeyCert"])
        openssl("verify", "-CAfile", place["root"], "-untrusted", place["middle"], place["leaf"], data=b"")
        (self.folder / "public").write_bytes(openssl("x509", "-in", place["leaf"], "-noout", "-pubkey", data=b""))
        (self.folder / "signature").write_bytes(openssl("base64", "-d", "-A", data=answer["signature"].encode()))
        judge = ("dgst", "-sha256", "-verify", place["public"], "-signature", place["signature"])
        openssl(*judge, data=self._hashed(answer))


async def with_client(folder: Path, story: Callable[[Client, str], Any]) -> Any:
    from twisted.internet import reactor  # noqa: TID251 - a real socket for an outside client

    sim = UnionPaySim(SimWorld(reactor))
    port = sim.listen(0)
    address = f"http://127.0.0.1:{port.getHost().port}"
    try:
        return await deferToThread(lambda: story(Client(address, folder), sim.world.stamp("%Y%m%d%H%M%S")))
    finally:
        await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_an_order_and_its_query(tmp_path: Path) -> None:
    def story(client: Client, now: str) -> None:
        order = {"orderId": "OUTSIDE001", "txnTime": now, "channelType": "08", "txnAmt": "100", "currencyCode": "156",
                 "backUrl": "http://127.0.0.1:9/none"}  # fmt: skip
        made = client.ask("back_url", txnType="01", txnSubType="07", **order)
        assert (made["respCode"], made["qrCode"][:8]) == ("00", "https://")
        asked = client.ask("query_url", txnType="00", txnSubType="00", orderId="OUTSIDE001", txnTime=now)
        assert (asked["respCode"], asked["origRespCode"]) == ("00", "05")
        again = client.ask("back_url", txnType="01", txnSubType="07", **order)
        assert again["respCode"] == "12"
        lacking = client.ask("back_url", txnType="01", txnSubType="07", **{**order, "orderId": "OUTSIDE-02"})
        assert lacking["respCode"] == "10"
        client.card["cert_id"] = "1"
        assert client.ask("query_url", txnType="00", txnSubType="00", orderId="X", txnTime=now)["respCode"] == "11"
        told = json.loads(client._get(f"{client.card['base_url']}/sim/exchanges"))["exchanges"][-1]["objection"]
        assert "accessType=0&" in told["expected"], "the text that was to be signed"
        client.card["cert_id"] = hex(69026276696)
        asked = client.ask("query_url", txnType="00", txnSubType="00", orderId="OUTSIDE001", txnTime=now)
        assert asked["respCode"] == "00"

    await with_client(tmp_path, story)


@pytest_twisted.ensureDeferred
async def test_the_pfx_of_the_card_opens_with_openssl(tmp_path: Path) -> None:
    def story(client: Client, now: str) -> None:
        (tmp_path / "pfx").write_bytes(openssl("base64", "-d", "-A", data=client.card["sign_pfx"].encode()))
        password = f"pass:{client.card['sign_pfx_password']}"
        text = openssl("pkcs12", "-in", str(tmp_path / "pfx"), "-nodes", "-passin", password, data=b"")
        assert b"BEGIN CERTIFICATE" in text
        assert b"PRIVATE KEY" in text
        told = subprocess.run(  # noqa: S603 the system's openssl is the judge
            ["openssl", "pkcs12", "-in", str(tmp_path / "pfx"), "-info", "-noout", "-passin", password],  # noqa: S607
            capture_output=True, check=True, timeout=20,
        )  # fmt: skip
        assert b"pbeWithSHA1And3-KeyTripleDES-CBC" in told.stderr, "older clients open nothing newer"
        assert b"PBES2" not in told.stderr

    await with_client(tmp_path, story)


@pytest.mark.parametrize("encoding", ["utf-8", "GBK", "gbk"])
@pytest_twisted.ensureDeferred
async def test_a_merchant_is_answered_in_the_encoding_it_writes(tmp_path: Path, encoding: str) -> None:
    """The official PHP client writes `utf-8`; older merchants speak GBK."""

    def story(client: Client, now: str) -> None:
        client.encoding = encoding
        order = {"orderId": "OUTSIDE003", "txnTime": now, "channelType": "08", "txnAmt": "100", "currencyCode": "156",
                 "backUrl": "http://127.0.0.1:9/none", "reqReserved": "门诊"}  # fmt: skip
        made = client.ask("back_url", txnType="01", txnSubType="07", **order)
        assert (made["respCode"], made["encoding"], made["reqReserved"]) == ("00", encoding, "门诊")
        asked = client.ask("query_url", txnType="00", txnSubType="00", orderId="NOSUCH0001", txnTime=now)
        assert (asked["respCode"], asked["respMsg"]) == ("34", TEXTS["34"])

    await with_client(tmp_path, story)


@pytest_twisted.ensureDeferred
async def test_a_form_may_end_with_an_ampersand(tmp_path: Path) -> None:
    def story(client: Client, now: str) -> None:
        client.tail = "&"
        asked = client.ask("query_url", txnType="00", txnSubType="00", orderId="NOSUCH0001", txnTime=now)
        assert asked["respCode"] == "34"

    await with_client(tmp_path, story)


@pytest_twisted.ensureDeferred
async def test_the_certificate_that_hides_card_numbers(tmp_path: Path) -> None:
    """Vendors' programs ask for it daily (txnType 95)."""

    def story(client: Client, now: str) -> None:
        asked = {"txnType": "95", "txnSubType": "00", "orderId": "CERT00000001", "txnTime": now, "channelType": "07"}
        told = client.ask("back_url", **asked, certType="01")
        assert (told["respCode"], told["certType"]) == ("00", "01")
        assert told["encryptPubKeyCert"] == client.card["encrypt_certificate"]
        assert client.ask("back_url", **asked, certType="09")["respCode"] == "10"
        assert client.ask("back_url", **asked)["respCode"] == "13"

    await with_client(tmp_path, story)
