"""Files from servers: downloads that resume and are verified, and data sets on the hub."""
