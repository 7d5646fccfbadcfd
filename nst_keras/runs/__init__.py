"""A training that can be killed: its loop, state, log, averages and devices."""
