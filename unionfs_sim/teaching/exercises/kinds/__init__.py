"""What the child can do with submissions: a module a kind of exercise."""
