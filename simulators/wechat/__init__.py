"""WeChat Pay (微信支付): v3 with certificates and public keys, v2 payment codes, callbacks, bills."""

from simulators.wechat.party import WeChatSim

__all__ = ["WeChatSim"]
