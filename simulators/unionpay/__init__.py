"""UnionPay's all-channel gateway (银联全渠道) 5.1.0: QR, payment codes, undo, refund, query, notices, day files."""

from simulators.unionpay.party import UnionPaySim

__all__ = ["UnionPaySim"]
