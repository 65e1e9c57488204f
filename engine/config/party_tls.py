"""How a party is spoken to over TLS: whose certificate it must show, and which one we show."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.config.problems import Mark, problem
from engine.config.secret import Secret, SecretRef
from engine.config.spec import NOWHERE, Field, Found, Record, Spec
from engine.config.types import Text

SECURE = ("https", "mllps", "tcps")
"""The addresses that are spoken to over TLS, by their beginning."""


@dataclass(frozen=True, slots=True)
class PartyTls:
    """TLS towards a party. `ca`: who signed its certificate, the system's roots without it; `certificate` and `key`:
    what we show to one that asks; `name`: whom its certificate must name, where that is not the address's host."""

    ca: SecretRef | None
    certificate: SecretRef | None
    key: SecretRef | None
    name: str
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> PartyTls:
        made = PartyTls(record["ca"], record["certificate"], record["key"], str(record["name"] or ""), record.mark)
        for have, want in (("certificate", "key"), ("key", "certificate")):
            if getattr(made, have) is not None and getattr(made, want) is None and want not in record.marks:
                zh, en = f"有 {have} 的 tls", f"tls with `{have}`"
                example = f"file:var/keys/engine.{'key' if want == 'key' else 'crt'}"
                found.append(problem("E202", record.mark, name=want, zh=zh, en=en, example=example))
        return made


PARTY_TLS = Spec(
    "tls", "对外 TLS", "TLS towards a party",
    (
        Field("ca", Secret(), "对方证书由谁签发（PEM），不写则用系统信任的根证书",
              "who signed its certificate (PEM); the system's roots without it", "file:var/keys/his-ca.crt"),
        Field("certificate", Secret(), "向对方出示的本方证书（PEM，含证书链），双向认证时写",
              "our certificate (PEM, with the chain), where the party wants one", "file:var/keys/engine.crt"),
        Field("key", Secret(), "其私钥（PEM）", "its private key (PEM)", "file:var/keys/engine.key"),
        Field("name", Text(), "对方证书上的名字，不写则是地址中的主机名",
              "whom its certificate names; default: the address's host", "his.hospital.local"),
    ),
)  # fmt: skip
