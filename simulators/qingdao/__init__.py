"""The former medical insurance platform of Qingdao: messages of 4096 bytes over TCP."""

from simulators.qingdao.party import QingdaoSim

__all__ = ["QingdaoSim"]
