"""The shipped site with the example of short messages put in, and the provider beside the usual parties."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.site.files import hash_of, read_files
from engine.site.load import load
from engine.site.site import Site
from tests.edge.town import CODE, Town
from tests.rig import lab as rig
from tests.rig.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/examples/sms"
_SITES: dict[str, Site] = {}


def files() -> dict[str, bytes]:
    """The shipped site with the example put in as its README says."""
    found = {**read_files(ROOT), **{k: v for k, v in read_files(EXAMPLE).items() if not k.endswith(".md")}}
    text = (EXAMPLE / "README.md").read_text()
    connection, door, steps = (part.split("```")[0] for part in text.split("```yaml\n")[1:4])
    yaml = found["engine.yaml"].decode().replace("\nclients:", f"{door}\nclients:", 1)
    found["engine.yaml"] = yaml.replace("\nlimits:", f"\n{connection}\nlimits:", 1).encode()
    channel = found["channels/outpatient_settlement.yaml"].decode()
    assert "\nhears:" in channel
    channel = channel.replace("\nhears:", steps.replace("final:\n", "", 1) + "\nhears:", 1)
    found["channels/outpatient_settlement.yaml"] = channel.encode()
    return found


class SmsLab(Lab):
    """The laboratory with the provider beside the usual parties; it is 22:13, so the quiet hours are left out."""

    quiet = False

    def _write_secrets(self) -> None:
        super()._write_secrets()
        place = self.folder / "var/sim/sms"
        place.mkdir(parents=True, exist_ok=True)
        for name in ("access_key_id", "access_key_secret", "report_key"):
            (place / name).write_text(str(self.parties["sms"].card("http://x")[name]))

    def site(self) -> Site:
        found = files()
        text = found["engine.yaml"].decode()
        assert "hours: " in text
        if not self.quiet:
            text = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("hours:"))
        for name, port in rig.PARTIES.items():
            there = self.ports[name].getHost()
            text = text.replace(f"127.0.0.1:{port}", f"{there.host}:{there.port}")
        text = text.replace("127.0.0.1:8600", f"{self.engine_host}:{self.engine_port}")
        found["engine.yaml"] = text.replace("127.0.0.1:8610", f"{self.engine_host}:{self.hl7_port}").encode()
        key = hash_of(found)
        if key not in _SITES:
            site = load(found)
            assert isinstance(site, Site), site
            _SITES[key] = site
        return _SITES[key]


def settled(town: Town) -> str:
    no = town.quoted()
    town.choose(no, CODE)
    assert town.rest(no)["state"] == "settled"
    return no


def texts(town: Town) -> list[str]:
    return [one.text for one in town.lab.parties["sms"].sent]  # type: ignore[attr-defined]  # the provider's own list


def sms(town: Town) -> Any:
    """The provider."""
    return town.lab.parties["sms"]
