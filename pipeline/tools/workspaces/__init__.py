"""Many runs of the stages at once, each in a folder of its own, for tools that compare runs."""
