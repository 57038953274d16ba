"""
Property-based teaching: a lab to break, properties to break it with, and who kills whom.

`lab`
    A small union file system for learners; a `lab.Lab` is one implementation of it.
`mutants`, `variants`, `subjects`
    Implementations with one planted bug each; correct ones that differ in what they may;
    and which one is under test.
`properties`
    Statements about union file systems, each runnable on any implementation.
`student`
    What a learner's file imports: the lab, bound to the implementation under test.

Nothing here needs Hypothesis: examples are drawn by plain random generators, and
example number k of seed s is the same on every machine.

>>> from unionfs_sim.teaching.mutants import MUTANTS
>>> from unionfs_sim.teaching.properties import PROPERTIES, run
>>> result = run(PROPERTIES["P01"], MUTANTS["M03"].lab(), seed=1)
>>> result.status, result.part, result.examples
('failed', 'hides', 1)
>>> str(MUTANTS["M03"].example)
'[a=1 | ~a]'
"""
