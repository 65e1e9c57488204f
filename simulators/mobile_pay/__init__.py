"""The mobile insurance payment of the simulated town (医保移动支付, 6201 to 6401 and the notice 6302)."""

from simulators.mobile_pay.party import MobilePaySim

__all__ = ["MobilePaySim"]
