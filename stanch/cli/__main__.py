"""`python -m stanch.cli`, where no console script is installed."""

from stanch.cli.main import main

main()
