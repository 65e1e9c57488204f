"""UnionPay's all-channel gateway (银联全渠道) 5.1.0: forms, double-hash signatures, a certificate in every answer."""
