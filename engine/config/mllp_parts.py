"""What an MLLP listener of engine.yaml has besides its address: TLS, who may connect, and who speaks."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from engine.config.problems import Mark, problem
from engine.config.secret import Secret, SecretRef
from engine.config.spec import NOWHERE, Field, Found, Record, Spec, Word
from engine.config.tree import Node
from engine.config.types import IDENT, Name, Text

HL7_SENDER = Name("HL7 发送方", "an HL7 sender", r"[^\s|~\\&]{1,100}", "MSH-3，或 MSH-3^MSH-4",
                  "MSH-3, or MSH-3^MSH-4")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sender:
    """Who an HL7 sender is: a client of engine.yaml. `subject`: the common name its certificate must show ("": the
    client's own id); it counts only where the listener asks for certificates."""

    client: Word
    subject: str
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Sender:
        return Sender(record["client"], record["subject"] or "", record.mark)


SENDER = Spec(
    "sender", "HL7 发送方", "an HL7 sender",
    (
        Field("client", IDENT, "是哪一个调用方", "which client it is", "H01", required=True),
        Field("subject", Text(), "它的证书名称（CN），不写则与调用方同名",
              "the common name of its certificate; default: the client's id", "his-gateway"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS of a listener: its own certificate (with its chain) and key; `ca`: every client must show one of theirs."""

    certificate: SecretRef
    key: SecretRef
    ca: SecretRef | None
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> Tls:
        return Tls(record["certificate"], record["key"], record["ca"], record.mark)


TLS = Spec(
    "tls", "TLS", "TLS",
    (
        Field("certificate", Secret(), "本方证书（PEM，含证书链）", "its certificate (PEM, with the chain)",
              "file:var/keys/hl7.crt", required=True),
        Field("key", Secret(), "本方私钥（PEM）", "its private key (PEM)", "file:var/keys/hl7.key", required=True),
        Field("ca", Secret(), "对方必须出示由谁签发的证书", "whose certificates clients must show",
              "file:var/keys/his-ca.crt"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Network:
    """An address or a network, such as 10.1.2.3 or 10.1.2.0/24; read as text."""

    zh: str = "IP 地址或网段"
    en: str = "an IP address or network"

    def read(self, node: Node, what: str, found: Found) -> Word | None:
        word = Text().read(node, what, found)
        if word is None:
            return None
        try:
            ipaddress.ip_network(str(word))
        except ValueError:
            found.append(problem("E211", node.mark, what=what, detail="10.1.2.3 | 10.1.2.0/24"))
            return None
        return Word(str(word), node.mark)

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"}


def within(ip: str, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in one of these networks; any address when there are none."""
    if not networks:
        return True
    try:
        here = ipaddress.ip_address(ip)
    except ValueError:
        return False
    return any(here in ipaddress.ip_network(one) for one in networks)


def loopback(host: str) -> bool:
    """Whether an address to listen at is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
