"""Dialects: how one real system writes whiteouts and opaque marks down; no I/O."""
