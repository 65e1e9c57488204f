"""Settlements paid by UnionPay QR, through the whole engine and the gateway's simulator."""
