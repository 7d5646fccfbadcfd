"""Figures for learning and for reports: functions that return a matplotlib Figure, without pyplot."""
