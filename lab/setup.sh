#!/bin/sh
# Installs what the tests and the demonstration need and this host lacks. As
# root by itself; otherwise it says which packages are missing.
set -eu

need() { # need PROGRAM PACKAGE
	command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || packages="$packages $2"
}
packages=""
PATH="$PATH:/usr/sbin:/sbin:/usr/local/go/bin"
command -v go >/dev/null 2>&1 || { echo "Go is missing; go.mod says which version: https://go.dev/dl/" >&2; exit 1; }
need /etc/ssl/certs/ca-certificates.crt ca-certificates # Go fetches modules over HTTPS
need bird bird2
need /usr/lib/frr/bgpd frr
need gobgpd gobgpd
need exabgp exabgp
need ip iproute2
need ss iproute2
need systemd-analyze systemd
need ps procps
need git git
need gcc gcc # the race detector links with it
need /usr/include/stdlib.h libc6-dev
[ -n "$packages" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "missing:$packages (apt-get install$packages)" >&2
	exit 1
fi
echo "installing:$packages"
# Nothing that is installed here may start: the tests start what they need.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
apt-get install -y -qq --no-install-recommends $packages >/dev/null
# Nor after the next boot.
for service in bird frr gobgpd exabgp; do
	case "$packages " in
	*" $service "* | *" ${service}2 "*) systemctl --quiet disable "$service" 2>/dev/null || true ;; # or there is no systemd
	esac
done
