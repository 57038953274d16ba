"""
Exercises: folders of tasks, and a grader that a student's code cannot take along.

`ladder` finds the exercises that ship with the package; `process` runs the student's
code in a process of its own, under limits; `grading` turns what came of it into a
`Report`; `formats` writes that down for people, for CI and for the usual autograders.
"""
