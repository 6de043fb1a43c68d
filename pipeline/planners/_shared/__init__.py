"""What planners share: sorting candidates, coloured noise, and which actions they search among."""
