"""The union itself: layers, the merged view, lookups, plans and commits; no I/O."""
