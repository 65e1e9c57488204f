"""医保移动支付, paying by phone from the insurance: 6201 to 6401, signed by SM2 and hidden by SM4."""
