"""Yinhai's yh_interface_call behind a bridge, with confirmation as a second phase."""

from simulators.yinhai.party import YinhaiSim

__all__ = ["YinhaiSim"]
