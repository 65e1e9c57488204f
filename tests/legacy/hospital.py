"""The example site of three former insurance interfaces in a laboratory, with its own parties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from engine.site.files import read_files
from tests.rig.lab import ROOT, Lab

EXAMPLE = ROOT / "docs" / "examples" / "former_insurance"
PORTS = {"his": 8701, "dareway": 8715, "neusoft": 8716, "yinhai": 8717}


class FormerLab(Lab):
    """The laboratory with the example's site and parties."""

    doors: ClassVar[Mapping[str, int]] = PORTS

    def files(self) -> Mapping[str, bytes]:
        return read_files(EXAMPLE)
