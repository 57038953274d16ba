"""Recorded sessions of Docker's client: replayed against engines, and recorded anew."""
