"""The reactor of the load and of what it is sent to: as lean as the engine's own, since all share two cores."""

from __future__ import annotations

from typing import Any

from engine.cli.reactor import install

install()

from twisted.internet import reactor  # noqa: E402, TID251 - after it was installed; a benchmark is its own program

NET: Any = reactor
