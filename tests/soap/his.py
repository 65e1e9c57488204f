"""A HIS with zeep as its SOAP client, over a real socket: it knows the served WSDL and its own secret, nothing else."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import zeep
from twisted.internet.threads import deferToThread  # noqa: TID251 - zeep's own client blocks
from zeep.helpers import serialize_object
from zeep.wsse.username import UsernameToken

_COUNT = itertools.count(1)
PORTS = {"1.1": "SettlementSoap11", "1.2": "SettlementSoap12"}


class Signing(zeep.Transport):
    """Signs the bytes that go out, as the interface document says."""

    def __init__(self, client: str, secret: str, stamp: Callable[[], float]) -> None:
        super().__init__(timeout=20, operation_timeout=20)
        self.session.trust_env = False
        self._client, self._secret, self._stamp = client, secret, stamp
        self.sent: list[bytes] = []
        self.status = 0

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> Any:
        self.sent.append(message)
        if self._client:
            headers = {**headers, **self.signed(urlsplit(address).path, message)}
        reply = super().post(address, message, headers)
        self.status = reply.status_code
        return reply

    def signed(self, path: str, message: bytes, nonce: str = "") -> dict[str, str]:
        stamp, nonce = str(int(self._stamp())), nonce or f"soap-{next(_COUNT)}"
        text = f"POST\n{path}\n{stamp}\n{nonce}\n{hashlib.sha256(message).hexdigest()}"
        signature = hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return {"X-Client": self._client, "X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": signature}


class SoapHis:
    """Calls the operations of a served WSDL. `token`: a UsernameToken in the envelope instead of signed headers."""

    def __init__(self, url: str, secret: str, *, client: str = "C01", version: str = "1.1", token: bool = False,
                 stamp: Callable[[], float] = time.time) -> None:  # noqa: TID251  # fmt: skip
        self.transport = Signing("" if token else client, secret, stamp)
        wsse = UsernameToken(client, secret, use_digest=True) if token else None
        self.client = zeep.Client(f"{url}?wsdl", transport=self.transport, wsse=wsse)
        self.service = self.client.bind("SettlementService", PORTS[version])

    def ask(self, operation: str, **order: Any) -> dict[str, Any]:
        """The settlement as plain values, or the fault's detail with `fault` in it."""
        try:
            made = getattr(self.service, operation)(**order)
        except zeep.exceptions.Fault as fault:
            return {"fault": fault.code, "text": fault.message, **detail_of(fault)}
        return cleaned(serialize_object(made, dict))


def detail_of(fault: zeep.exceptions.Fault) -> dict[str, Any]:
    if fault.detail is None:
        return {}
    return {node.tag.rpartition("}")[2]: node.text for node in fault.detail.iter() if len(node) == 0}


def cleaned(tree: Any) -> Any:
    """Without what is absent."""
    if isinstance(tree, dict):
        return {name: cleaned(value) for name, value in tree.items() if value not in (None, [])}
    return [cleaned(one) for one in tree] if isinstance(tree, list) else tree


async def asked(work: Callable[[], Any]) -> Any:
    """Run a blocking client beside the reactor."""
    return await deferToThread(work)
