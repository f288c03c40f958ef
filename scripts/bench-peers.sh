#!/bin/sh
# What `bench/ssh_fanout.py` measures against and Stanch does not need, in a virtual environment of its own:
# bench/.venv. Without it the benchmark leaves them out and says so.
set -eu
cd "$(dirname "$0")/.."
"${PYTHON:-python3}" -m venv --clear bench/.venv
bench/.venv/bin/python -m pip install -q --disable-pip-version-check asyncssh==2.24.1 parallel-ssh==2.16.0.post1
