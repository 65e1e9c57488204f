"""The example site of commercial insurance in a laboratory, with its own parties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tests.commercial.site import example_files
from tests.rig.lab import Lab

PORTS = {"his": 8701, "insurance": 8711, "wechat": 8721, "einvoice": 8731, "commercial": 8761}


class ExampleLab(Lab):
    """The laboratory with the example's site and parties."""

    doors: ClassVar[Mapping[str, int]] = PORTS

    def files(self) -> Mapping[str, bytes]:
        return example_files()
