# One image for the worker, the gateway and the command line; docker-compose.yml says what it runs.
FROM python:3.11-slim

# Ansible connects with OpenSSH's client and `pull_request` works with git; Stanch's own `ssh` needs no program.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app

# Before the code, so that an edit of the code does not install everything anew.
COPY requirements/runtime.txt requirements/runtime.txt
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/runtime.txt

COPY LICENSE worker.py ./
COPY stanch/ stanch/
COPY workflows/ workflows/
COPY activities/ activities/
COPY schemas/ schemas/
COPY runbooks/ runbooks/
COPY drills/ drills/

# The code stays a checkout, as it does everywhere: `stanch` is a name for `python -m stanch.cli`, from any folder.
# A new volume gets owner and mode of the folder that it is mounted on.
RUN python -m compileall -q stanch workflows activities worker.py \
    && printf '#!/bin/sh\nPYTHONPATH=/app exec python -m stanch.cli "$@"\n' > /usr/local/bin/stanch \
    && chmod 755 /usr/local/bin/stanch \
    && useradd --uid 10001 --create-home stanch \
    && install --directory --owner=stanch --mode=700 /var/lib/stanch/evidence

USER stanch
ENV PYTHONUNBUFFERED=1
CMD ["python", "worker.py"]
