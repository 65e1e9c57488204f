"""A self-service kiosk (自助机) as its vendor would write it: a client of the Settlement API and nothing more.

It shows what the engine says and repeats what was not answered; no rule of insurance or money is in it.
"""

from simulators.kiosk.client import Kiosk, NoReply
from simulators.kiosk.flow import Step, Story, run_flow

__all__ = ["Kiosk", "NoReply", "Step", "Story", "run_flow"]
