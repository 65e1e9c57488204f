"""The settlement engine: it carries a hospital's bills through HIS, insurance, payment and e-invoice."""
