"""The hospitals of bench.lag: one in which insurance and WeChat want real signatures, one whose patients pay on their
phones through a platform that signs by SM2 and hides by SM4."""

from __future__ import annotations

import json
import re
import shutil

from twisted.internet.task import Clock

from bench.engine_process import ROOT
from bench.fast_mobile import secrets
from bench.ward import SECRET, Ward

EXAMPLE = ROOT / "docs/examples/wechat_codepay"
PAY_AFTER = 6.6  # seconds after 6202 until the patient has paid


class Signing(Ward):
    """x-ca's HMAC-SM3 over every request to the insurance, payment codes by WeChat's v3."""

    def _keys(self) -> None:
        super()._keys()
        self.keys["wechat_key"] = self.files["wechat/merchant_private_key"]  # one pair of keys plays both sides
        self.keys["wechat_serial"] = self.files["wechat/public_key_id"]
        (self.folder / "parties.json").write_text(json.dumps(self.keys))

    def _lay(self) -> None:
        super()._lay()
        place = self.folder / "engine.yaml"
        yaml = place.read_text().replace("    profile: none\n", "    profile: x-ca\n    secret: file:var/keys/xca\n")
        yaml = re.sub(r"(  wechat:\n    kind: +wechat\n)", r"\1    codepay: 'yes'\n", yaml)
        place.write_text(yaml)
        (self.folder / "var/keys/xca").write_text(SECRET)
        (self.folder / "var/keys/xca").chmod(0o600)
        for name in ("channels", "mappings"):
            (self.folder / name).unlink()
            shutil.copytree(ROOT / name, self.folder / name)
        shutil.copytree(EXAMPLE / "mappings", self.folder / "mappings", dirs_exist_ok=True)
        channel = self.folder / "channels/outpatient_settlement.yaml"
        text = channel.read_text()
        for row in (EXAMPLE / "README.md").read_text().split("```yaml\n")[1].split("```")[0].splitlines():
            name = row.split(":")[0]
            text = re.sub(rf"(?m)^{re.escape(name)}:.*$", lambda _, row=row: row, text)  # type: ignore[misc] # its row
        channel.write_text(text)
        (self.folder / "channels/outpatient_settlement.test.yaml").unlink()  # its answers are those of v2


class Phones(Ward):
    """Every settlement goes through 医保移动支付. `unsigned`: both sides leave SM2 out, for the floor of the same."""

    mobile = True

    def __init__(self, *, unsigned: bool = False) -> None:
        super().__init__()
        self.unsigned = unsigned
        if unsigned:
            self.environment["BENCH_UNSIGNED"] = "1"

    def _keys(self) -> None:
        super()._keys()
        self.files |= secrets(Clock())
        self.keys["mobile"] = {"engine": self.port, "pay_after": PAY_AFTER, "unsigned": self.unsigned}
        (self.folder / "parties.json").write_text(json.dumps(self.keys))
