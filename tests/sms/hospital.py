"""The shipped site with the example of short messages put in, and the provider beside the usual parties."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from engine.site.files import read_files
from tests.edge.town import CODE, Town
from tests.rig.lab import PARTIES, Lab

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/examples/sms"


def files() -> dict[str, bytes]:
    """The shipped site with the example put in as its README says."""
    found = {**read_files(ROOT), **{k: v for k, v in read_files(EXAMPLE).items() if not k.endswith(".md")}}
    text = (EXAMPLE / "README.md").read_text()
    connection, door, steps = (part.split("```")[0] for part in text.split("```yaml\n")[1:4])
    yaml = found["engine.yaml"].decode().replace("\nclients:", f"{door}\nclients:", 1)
    found["engine.yaml"] = yaml.replace("\nlimits:", f"\n{connection}\nlimits:", 1).encode()
    channel = found["channels/outpatient_settlement.yaml"].decode()
    assert "\nhears:" in channel
    channel = channel.replace("\nhears:", steps.replace("  final:\n", "", 1) + "\nhears:", 1)
    found["channels/outpatient_settlement.yaml"] = channel.encode()
    return found


class SmsLab(Lab):
    """The laboratory with the provider beside the usual parties; it is 22:13, so the quiet hours are left out."""

    doors: ClassVar[Mapping[str, int]] = {**PARTIES, "sms": 8751}
    quiet = False

    def files(self) -> Mapping[str, bytes]:
        found = files()
        text = found["engine.yaml"].decode()
        assert "hours: " in text
        if not self.quiet:
            text = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("hours:"))
        return {**found, "engine.yaml": text.encode()}


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
