"""Alipay, simulated: the gateway (RSA2, public key and certificate mode), its payers, its notifications, its bills."""

from simulators.alipay.party import AlipaySim

__all__ = ["AlipaySim"]
