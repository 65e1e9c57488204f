"""How many messages wait for each receiver, and how many it has as dead letters: what an alarm is hung on."""

from __future__ import annotations

from collections import Counter

Receiver = tuple[str, str]
"""Channel, and the receiver's name there."""


class Undelivered:
    """Of this process. Recovery finds what earlier lives left; dead letters whose time is over count until then."""

    def __init__(self) -> None:
        self.waiting: Counter[Receiver] = Counter()
        self.dead: Counter[Receiver] = Counter()

    def waits(self, channel: str, dest: str) -> None:
        """One more is to be sent."""
        self.waiting[channel, dest] += 1

    def over(self, channel: str, dest: str, dead: str) -> None:
        """One is decided: taken, or (`dead`: why) a dead letter."""
        self.waiting[channel, dest] -= 1
        if dead:
            self.dead[channel, dest] += 1

    def lies(self, channel: str, dest: str) -> None:
        """An earlier life left a dead letter."""
        self.dead[channel, dest] += 1

    def given_up(self, channel: str, dest: str) -> None:
        """A person gave a dead letter up."""
        self.dead[channel, dest] -= 1

    def again(self, channel: str, dest: str) -> None:
        """A person has a dead letter sent again."""
        self.given_up(channel, dest)
        self.waits(channel, dest)
