"""Who the platform and the merchant are: ids, keys, certificates, and which key signs what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from simulators.base.world import BEIJING, SimWorld
from simulators.wechat import sign

MCHID = "1600000001"
APPID = "wxsim0000000000001"
MINI_APPID = "wxsim0000000000002"  # the mini program of the same merchant
PUBLIC_KEY_ID = "PUB_KEY_ID_0116000000012026112200000000000001"


def hex_serial(number: int) -> str:
    """A certificate's serial number as the platform writes it: 40 upper hex digits."""
    return f"{number:040X}"


def same_serial(one: str, other: str) -> bool:
    """Whether two texts name the same serial: any case, with or without leading zeros."""
    return one.upper().lstrip("0") == other.upper().lstrip("0")


@dataclass(frozen=True)
class Signer:
    """A platform key in use; `serial` is a certificate's serial or a PUB_KEY_ID_."""

    serial: str
    key: RSAPrivateKey
    certificate: str = ""  # PEM, empty for the public key
    effective: str = ""
    expires: str = ""


class Identity:
    """Keys of one merchant and of the platform facing him. `verify` is cert, pubkey or mixed."""

    def __init__(self, world: SimWorld) -> None:
        self.world = world
        self.mchid, self.appid, self.mini_appid = MCHID, APPID, MINI_APPID
        ring = world.keys
        merchant = ring.certificate("wechat.merchant", MCHID)
        self.merchant_serial = hex_serial(merchant.serial_number)
        self.merchant_public = ring.rsa("wechat.merchant").public_key()
        self.api_v3_key = ring.secret("wechat.api_v3", 32)
        self.api_v2_key = ring.secret("wechat.api_v2", 32)
        self.by_public_key = Signer(PUBLIC_KEY_ID, ring.rsa("wechat.platform_public"))
        self.certificates: list[Signer] = [self._certificate(1)]

    def _certificate(self, number: int) -> Signer:
        name = f"wechat.platform{number}"
        ring = self.world.keys
        made = ring.certificate(name, "Simulated Tenpay CA")

        def local(when: datetime) -> str:
            return when.astimezone(BEIJING).isoformat(timespec="seconds")

        return Signer(
            hex_serial(made.serial_number), ring.rsa(name), ring.certificate_pem(name),
            local(made.not_valid_before_utc), local(made.not_valid_after_utc),
        )

    def rotate(self) -> Signer:
        """A new platform certificate; the old ones stay valid and listed."""
        self.certificates.append(self._certificate(len(self.certificates) + 1))
        return self.certificates[-1]

    def signer(self, verify: str, wanted: str = "") -> Signer | None:
        """The key an answer is signed with: the one the request names (None: not one of ours), else the newest."""
        live = self.live(verify)
        if wanted:
            return next((s for s in live if same_serial(s.serial, wanted)), None)
        return live[0] if verify == "pubkey" else self.certificates[-1]

    def callback_signer(self, verify: str, wanted: str = "") -> Signer:
        """The key of a callback: the one the merchant named when it asked, while that lives; else any that does.

        A merchant that holds one kind of key only names it, and could not believe the other.
        """
        live = self.live(verify)
        if wanted and (named := self.signer(verify, wanted)):
            return named
        return live[0] if len(live) == 1 else self.world.rng.choice(live)

    def live(self, verify: str) -> list[Signer]:
        """All keys a merchant must accept now."""
        if verify == "pubkey":
            return [self.by_public_key]
        return [*self.certificates, self.by_public_key] if verify == "mixed" else list(self.certificates)

    def headers(self, signer: Signer, body: bytes, *, age: int = 0) -> dict[str, str]:
        """Signature headers over `body`, made `age` seconds ago."""
        stamp, nonce = str(int(self.world.signing()) - age), f"{self.world.rng.getrandbits(128):032x}"
        return {
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": sign.rsa_sign(signer.key, sign.answer_message(stamp, nonce, body)),
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Serial": signer.serial,
            "Wechatpay-Signature-Type": sign.SCHEMA,
        }

    def seal(self, plain: bytes, associated: str) -> dict[str, str]:
        """A sealed resource: algorithm, nonce, associated_data, ciphertext."""
        nonce = "".join(self.world.rng.choices(sign.NONCE_LETTERS, k=12))
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": sign.seal(self.api_v3_key, plain, associated, nonce),
            "associated_data": associated,
            "nonce": nonce,
        }

    def card(self) -> dict[str, Any]:
        """Everything the merchant holds."""
        ring, newest = self.world.keys, self.certificates[-1]
        return {
            "mchid": self.mchid, "appid": self.appid, "mini_appid": self.mini_appid,
            "merchant_serial": self.merchant_serial,
            "merchant_private_key": ring.private_pem("wechat.merchant"),
            "merchant_certificate": ring.certificate_pem("wechat.merchant"),
            "api_v3_key": self.api_v3_key, "api_v2_key": self.api_v2_key,
            "platform_serial": newest.serial, "platform_certificate": newest.certificate,
            "platform_certificates": {s.serial: s.certificate for s in self.certificates},
            "public_key_id": PUBLIC_KEY_ID, "public_key": ring.public_pem("wechat.platform_public"),
        }
