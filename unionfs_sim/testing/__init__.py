"""For tests, ours and others': strategies for layers, stacks and programs."""
