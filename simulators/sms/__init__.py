"""A provider of short messages (Alibaba Cloud's form)."""

from simulators.sms.party import SmsSim

__all__ = ["SmsSim"]
