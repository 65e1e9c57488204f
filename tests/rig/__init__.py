"""What tests stand on: the laboratory of simulators and engine."""
