"""Walking by planning: a state model's imagined rewards are what the planner maximises."""
