"""What a tester may switch on a simulator with the act `set`: fields of a dataclass, changed all together or not at
all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass
class Switches:
    """A simulator's settings are the fields of its own subclass; `choices`: those that take one of a few values."""

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def change(self, body: dict[str, Any]) -> None:
        """Take new values; ValueError names what is unknown or of the wrong type, and nothing changes."""
        known = {f.name for f in fields(self)}
        new: dict[str, Any] = {}
        for name, value in body.items():
            if name not in known:
                raise ValueError(f"unknown setting {name}; there are {', '.join(sorted(known))}")
            wanted = type(getattr(self, name))
            if wanted is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not wanted:
                raise ValueError(f"{name}: {wanted.__name__} wanted")
            if name in self.choices and value not in self.choices[name]:
                raise ValueError(f"{name}: one of {', '.join(self.choices[name])}")
            new[name] = value
        for name, value in new.items():
            setattr(self, name, value)
