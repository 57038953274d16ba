"""
Proof that the simulator answers as Linux overlayfs does.

A *case* is a stack of layers, mount options, a program of calls, and what a kernel
answered.  A *driver* carries cases out: on the simulator, or on a real mount.  The
fuzzer draws cases, runs both drivers, and shrinks what they disagree about.
"""
