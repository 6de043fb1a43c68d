"""Code shared by several encoders."""
