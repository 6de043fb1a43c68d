"""Imagination: many legged robots that a learned state model simulates at once, with rewards."""
