"""One outgoing connection of an MllpSender: one message in flight, its acknowledgement matched by MSA-2."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.codecs.mllp import Framer, Noise
from engine.connectors.link import Link
from engine.connectors.sender import Call
from engine.core.world import World

if TYPE_CHECKING:
    from engine.connectors.mllp_sender import MllpSender


class MllpCall(Call[bytes]):
    """A message on its way; `control_id` is its MSH-10."""

    __slots__ = ("control_id",)

    def __init__(self, data: bytes, on_first_byte: Callable[[], None] | None, control_id: str) -> None:
        super().__init__(data, on_first_byte)
        self.control_id = control_id


class MllpLink(Link[MllpCall]):
    """Carries messages; a reply is the first whole block that comes."""

    keep_alive = True

    def __init__(self, owner: MllpSender, world: World, secure: bool) -> None:
        super().__init__(owner, world, secure)
        self._sender = owner
        self._framer = Framer(owner.max_reply_bytes)

    def dataReceived(self, data: bytes) -> None:
        if self.gone:
            return
        if self.call is None:
            if not data.strip(b"\r\n"):  # some end a block with more than CR
                return
            self._owner.link_spoke_unasked(self)
            return
        found = self._framer.feed(data)
        for number, part in enumerate(found):
            if isinstance(part, Noise):
                if part.why != "garbage" or part.close:  # line ends between two blocks are harmless
                    self._owner.link_failed(self, f"not MLLP: {part.why}")
                    return
            else:
                surplus = number + 1 < len(found) or self._framer.inside
                self._sender.link_acknowledged(self, part.body, surplus=surplus)
                return
