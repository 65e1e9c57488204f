"""What differs between one HIS's HL7 and the next: where it sends, how patiently, and where a DFT says what."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from simulators.base.mllp_er7 import parsed_place
from simulators.his.hl7_events import codec_of

VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6")
# Some HIS document the deposit's number in FT1-3 and read it from FT1-2, so every place can be moved.
DFT_PLACES = {
    "number": "FT1-2", "time": "FT1-4", "type": "FT1-6", "method": "FT1-7", "total": "FT1-11.3",
    "insurance": "FT1-15.3", "self": "FT1-22.3", "state": "FT1-25",
    "bill": "FT1-23",
}  # fmt: skip


@dataclass
class Hl7Settings:
    """Changed by POST /sim/act {"act": "set_hl7", "charset": "UTF-8", "places": {"number": "FT1-3"}}; seconds are
    business seconds. `to` is the engine's MLLP address; empty: ten ports above the engine's HTTP port."""

    to: str = ""
    charset: str = "GBK"  # MSH-18 of what it sends
    version: str = "2.4"
    wait: float = 10.0  # for an acknowledgement
    repeat_after: float = 5.0
    tries: int = 0  # after so many the message is given up; 0: never
    on_ae: str = "repeat"  # repeat, skip
    duplicates: str = "accept"  # a deposit number that was booked: accept answers AA again, refuse AE
    unsaid: str = "gb18030"  # the codec, both ways, where MSH-18 says nothing
    places: dict[str, str] = field(default_factory=lambda: dict(DFT_PLACES))

    _CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "version": VERSIONS,
        "on_ae": ("repeat", "skip"),
        "duplicates": ("accept", "refuse"),
        "unsaid": ("utf-8", "gb18030"),
    }

    def set(self, name: str, value: Any) -> None:
        """Change one setting; ValueError says what may be written."""
        if name in self._CHOICES:
            if value not in self._CHOICES[name]:
                raise ValueError(f"{name} is one of {', '.join(self._CHOICES[name])}")
        elif name in ("wait", "repeat_after", "tries"):
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 86400:
                raise ValueError(f"{name}: a number from 0 to 86400")
            value = int(value) if name == "tries" else float(value)
        elif name == "places":
            value = {**self.places, **_places(value)}
        elif name in ("to", "charset"):
            value = str(value)
            if name == "charset":
                codec_of(value, self.unsaid)
        else:
            raise ValueError(f"no such setting {name}; there are {', '.join(f.name for f in fields(self))}")
        setattr(self, name, value)

    def public(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


def _places(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or value.keys() - DFT_PLACES.keys():
        raise ValueError(f"places: an object of {', '.join(DFT_PLACES)}")
    places = {str(name): str(place) for name, place in value.items()}
    for place in places.values():
        if not place.startswith("FT1-"):
            raise ValueError(f"{place}: what a DFT says stands in FT1")
        parsed_place(place)
    return places
