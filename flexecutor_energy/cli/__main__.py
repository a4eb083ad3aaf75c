"""``python -m flexecutor_energy.cli``: the command line without its script."""

from flexecutor_energy.cli.app import main

if __name__ == "__main__":
    main()
