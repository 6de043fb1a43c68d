"""`wm play`: a person drives a world model in a browser, beside the simulator."""
