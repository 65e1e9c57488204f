"""Alipay: the gateway (RSA2; public key or certificates), face-to-face payment, pre-authorisation, notifications."""
