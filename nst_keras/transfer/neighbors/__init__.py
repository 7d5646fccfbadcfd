"""Method nn: what is compared, and the colours of its pictures."""
