"""医保移动支付: its envelope, its simulator, and the phone settlement it pays for."""
