"""Judges: from what the child tells to a report, a module a kind of exercise."""
