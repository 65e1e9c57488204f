"""ACS3-HMAC-SHA256: what a request must prove, and the provider's refusals."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from simulators.base.objection import Objecting
from simulators.base.wire import Req
from simulators.base.world import SimWorld

WINDOW = 900.0  # seconds a request's time may be off
MUST_SIGN = ("host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version")
_PROOF = re.compile(r"ACS3-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})")


class Refusal(Objecting):
    """The provider's no: HTTP status, code and words."""

    def __init__(self, code: str, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


class Gate:
    """The account and its key; which nonces were used."""

    def __init__(self, world: SimWorld) -> None:
        self._world = world
        self.key_id, self.secret = "SMSKEY01", world.keys.secret("sms")
        self.seen: set[str] = set()

    def opened(self, req: Req) -> tuple[str, dict[str, str]]:
        """Action and parameters of a well-signed request; Refusal otherwise."""
        proof = _PROOF.fullmatch(req.headers.get("authorization", ""))
        if proof is None:
            raise Refusal("MissingSignature", "Signature is mandatory for this action.", 400).at("Authorization")
        key_id, names, given = proof.groups()
        if key_id != self.key_id:
            raise Refusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404).at("Credential")
        listed = names.split(";")
        if missing := [name for name in MUST_SIGN if name not in listed]:
            raise self._wrong(f"signed headers lack {missing[0]}")
        if hashlib.sha256(req.body).hexdigest() != req.headers.get("x-acs-content-sha256"):
            raise self._wrong("x-acs-content-sha256 is not the body's hash")
        if not hmac.compare_digest(self._expected(req, listed), given):
            raise self._wrong("HMAC-SHA256 over ACS3-HMAC-SHA256 LF hash of the canonical request")
        self._fresh(req)
        return req.headers["x-acs-action"], {**req.query, **dict(parse_qsl(req.body.decode(), keep_blank_values=True))}

    def _expected(self, req: Req, names: list[str]) -> str:
        query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(req.query.items()))
        lines = "".join(f"{name}:{req.headers.get(name, '').strip()}\n" for name in names)
        digest = req.headers["x-acs-content-sha256"]
        canonical = f"{req.method}\n{req.path}\n{query}\n{lines}\n{';'.join(names)}\n{digest}"
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def _wrong(self, wanted: str) -> Refusal:
        no = Refusal("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.", 400)
        no.at("Authorization", wanted)
        return no

    def _fresh(self, req: Req) -> None:
        stamp, nonce = req.headers["x-acs-date"], req.headers["x-acs-signature-nonce"]
        try:
            at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise Refusal("IllegalTimestamp", "The time is malformed.", 400).at("x-acs-date", got=stamp) from None
        if abs(at - self._world.signing()) > WINDOW:
            text = "Specified time stamp or date value is expired."
            raise Refusal("InvalidTimeStamp.Expired", text, 400).at("x-acs-date", f"within {WINDOW:g} s", stamp)
        if not nonce or nonce in self.seen:
            text = "Specified signature nonce was used already."
            raise Refusal("SignatureNonceUsed", text, 400).at("x-acs-signature-nonce", "used once", nonce)
        self.seen.add(nonce)
