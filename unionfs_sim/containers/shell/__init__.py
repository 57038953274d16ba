"""The shell of the simulated busybox: words, grammar, expansion, and what runs them."""
