"""The national medical insurance platform for designated institutions (两定接口): JSON envelope, gateways, outcomes."""
