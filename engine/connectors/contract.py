"""The ways a call can end without a complete reply.

The difference is money. `NotSent` may be tried again with the same number; after `Silent` the other side may
have done what was asked, and only an inquiry can tell.
"""

from __future__ import annotations


class CallFailed(Exception):
    """What both have in common: `why`, a short text for the trail, free of what the peer sent."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NotSent(CallFailed):
    """No byte of the request left this process."""


class Silent(CallFailed):
    """A byte of the request may have left, and no complete, well-formed reply came back."""


class Unfit(CallFailed):
    """The other side can never take this content, whatever becomes of the connection: nothing was changed."""


class Clash(CallFailed):
    """The other side already holds something else under this number or name: nothing was changed, and trying again
    changes nothing. A person must look."""
