"""`wm compare`: runs beside each other, whether they are folders, revisions or experiments."""
