"""`wm rollout`: long rollouts of a model as videos, from recorded clips or from your own frames."""
