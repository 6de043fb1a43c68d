"""Where and how things are computed: devices, precision, compilation, processes."""
