#!/bin/sh
# Make Temporal's namespace with the search attributes of Stanch; nothing happens to what is there. The worker
# would register the attributes too, but an alert that arrives before the first worker could not start its run.
# TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and RETENTION say where, which, and how long ended runs are kept.
set -eu

KEYWORDS="StanchSeverity StanchService StanchRunbook StanchIncident StanchPhase"
BOOLS="StanchDrill"

operator() {
    temporal operator "$@" --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE"
}

# The port listens before the server is ready, and a new namespace is not known to all of it at once.
patiently() {
    tries=30
    until "$@"; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            echo "namespace: gave up on \`$*\` at $TEMPORAL_ADDRESS" >&2
            exit 1
        fi
        sleep 2
    done
}

patiently operator cluster health
if ! operator namespace describe >/dev/null 2>&1; then
    operator namespace create --retention "$RETENTION"
fi

known=$(patiently operator search-attribute list)
missing() {
    case $known in *"$1"*) return 1 ;; esac
}
for name in $KEYWORDS; do
    if missing "$name"; then patiently operator search-attribute create --name "$name" --type Keyword; fi
done
for name in $BOOLS; do
    if missing "$name"; then patiently operator search-attribute create --name "$name" --type Bool; fi
done
echo "namespace: $TEMPORAL_NAMESPACE is ready"
