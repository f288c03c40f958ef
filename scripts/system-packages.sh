#!/bin/sh
# See to it that the programs which the tests drive are on this machine: a real sshd, busybox as the shell of
# a small host, a real Prometheus with its Alertmanager, what the runbooks are exercised against (PostgreSQL and
# etcd for Patroni, Redis, HAProxy, a nameserver, systemd, sudo), Chromium for pictures of the pages, Node for the language
# server that editors run, git for what belongs to the project; and on a bare machine, what `make` itself needs.
# Says nothing and leaves at once when they are.
#
# Debian and Ubuntu: installed with apt, as root or through sudo. The tests start these programs
# themselves, on loopback and as an ordinary user, so no service is started now or at the next boot.
# Elsewhere: names what is missing and how to get it, and exits 1.
set -eu

# apt's own places; an ordinary user's PATH often lacks the sbin folders.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

one_of() {
    for name in "$@"; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

chromium_app() {
    [ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Chromium.app" ]
}

missing=
one_of make || missing="$missing make"
one_of git || missing="$missing git"
"${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1 || missing="$missing python3-venv"
one_of sshd || missing="$missing openssh-server"
! command -v apt-get >/dev/null 2>&1 || one_of busybox || missing="$missing busybox" # Homebrew has none
one_of prometheus || missing="$missing prometheus"
one_of prometheus-alertmanager alertmanager || missing="$missing prometheus-alertmanager"
one_of postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
one_of etcd || missing="$missing etcd-server"
one_of sudo || missing="$missing sudo"
one_of redis-server || missing="$missing redis-server"
one_of haproxy || missing="$missing haproxy"
one_of named || missing="$missing bind9"
# No machine is booted with it, so what matters is the manager itself; the tests skip it elsewhere.
! command -v apt-get >/dev/null 2>&1 || one_of systemctl || missing="$missing systemd"
one_of chromium google-chrome || chromium_app || missing="$missing chromium"
one_of node nodejs || missing="$missing nodejs"
one_of npm || missing="$missing npm"
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    {
        echo "system: missing on this machine:$missing"
        echo "system: with Homebrew:"
        for package in $missing; do
            case $package in
                make | git) echo "    xcode-select --install" ;;
                python3-venv) echo "    brew install python" ;;
                openssh-server) echo "    brew install openssh" ;;
                prometheus) echo "    brew install prometheus" ;;
                prometheus-alertmanager) echo "    brew install alertmanager" ;;
                postgresql) echo "    brew install postgresql@17" ;;
                etcd-server) echo "    brew install etcd" ;;
                redis-server) echo "    brew install redis" ;;
                haproxy) echo "    brew install haproxy" ;;
                bind9) echo "    brew install bind" ;;
                chromium) echo "    brew install --cask google-chrome" ;;
                npm) echo "    brew install node" ;; # nodejs too
            esac
        done
        echo "system: only \`make test\` needs them; \`make demo\` and \`make check\` do not"
    } >&2
    exit 1
fi

if [ "$(id -u)" = 0 ]; then
    as_root=env
elif command -v sudo >/dev/null 2>&1; then
    # With nobody there to type a password, fail instead of waiting for one.
    if [ -t 0 ]; then as_root=sudo; else as_root="sudo -n"; fi
else
    as_root=false
fi
if ! $as_root true; then
    echo "system: missing:$missing; this needs root: apt-get install$missing" >&2
    exit 1
fi

# A package's own installer asks this file whether it may start its service (101: no). One that is
# already there is somebody's decision and stays.
policy=/usr/sbin/policy-rc.d
policy_is_ours=
restore() {
    [ -z "$policy_is_ours" ] || $as_root rm -f "$policy"
}
trap restore EXIT
trap 'exit 1' INT TERM
if [ ! -e "$policy" ]; then
    policy_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi

echo "system: installing$missing" >&2
log=$(mktemp)
quiet() {
    "$@" >"$log" 2>&1 </dev/null || {
        cat "$log" >&2
        rm -f "$log"
        echo "system: \`$*\` failed" >&2
        exit 1
    }
}
# A foreign source that does not answer is no reason to stop: the packages are the distribution's own.
$as_root apt-get update >/dev/null 2>&1 </dev/null ||
    echo "system: \`apt-get update\` failed in part, trying with the lists that there are" >&2
# shellcheck disable=SC2086 # two lists of words
quiet $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 $missing
rm -f "$log"

# Enabled by their installers, they would start at the next boot.
if command -v systemctl >/dev/null 2>&1; then
    for package in $missing; do
        case $package in
            openssh-server) units="ssh.service ssh.socket" ;;
            prometheus) units=prometheus.service ;;
            postgresql) units=postgresql.service ;;
            etcd-server) units=etcd.service ;;
            redis-server) units=redis-server.service ;;
            haproxy) units=haproxy.service ;;
            bind9) units="named.service bind9.service" ;;
            prometheus-alertmanager) units=prometheus-alertmanager.service ;;
            *) units= ;;
        esac
        for unit in $units; do
            $as_root systemctl disable "$unit" >/dev/null 2>&1 </dev/null || true
        done
    done
fi
