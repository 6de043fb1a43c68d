"""`wm`, beside whatever else is called pipeline: its worker processes import this module too."""

from pipeline.__main__ import main

if __name__ == "__main__":
    main()
