#!/bin/sh
# Static, stripped and reproducible binaries in dist/.
#   ./build.sh               for amd64, arm64 and armv7
#   ./build.sh arm64         for one
#   ./build.sh image amd64   the image of a box and its bundle, for amd64 or arm64:
#                            VERSION (0.0.1), KEY (file of the key that signs),
#                            KEYS (public keys that boxes take bundles of),
#                            CACHE (folder for packages), WITH (folder whose files are
#                            laid over the root), SECURE_BOOT_KEY and SECURE_BOOT_CERT
#                            (files that sign what firmware starts); a third word is
#                            the folder to write into
#   ./build.sh --check       builds all that twice, from two folders, the second time
#                            with an empty cache and as another user, and compares;
#                            images are compressed less, for time
set -eu
cd "$(dirname "$0")"

need() { # need PROGRAM PACKAGE
	command -v "$1" >/dev/null 2>&1 && return
	if [ "$(id -u)" -ne 0 ]; then
		echo "build.sh: $1 is missing: apt-get install $2" >&2
		exit 1
	fi
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

command -v go >/dev/null 2>&1 || { echo "build.sh: Go is missing; go.mod says which version" >&2; exit 1; }
need git git
version=$(git describe --always --dirty 2>/dev/null || echo unknown)
limit=$((15 * 1024 * 1024)) # octets of a binary

# Nobody asks us over HTTP/2, and no check does: half a megabyte.
build() { # build ARCHITECTURE FOLDER
	case $1 in
	amd64 | arm64) goarch=$1 goarm= ;;
	armv7) goarch=arm goarm=7 ;;
	*) echo "build.sh: unknown architecture $1: amd64, arm64 or armv7" >&2; exit 2 ;;
	esac
	out=$2/holdfast-linux-$1
	CGO_ENABLED=0 GOOS=linux GOARCH=$goarch GOARM=$goarm go build -trimpath -buildvcs=false -tags nethttpomithttp2 \
		-ldflags "-s -w -buildid= -X main.version=$version" -o "$out" ./cmd/holdfast
	size=$(wc -c <"$out")
	printf '%-28s %9d octets  %s\n' "${out##*/}" "$size" "$(sha256sum "$out" | cut -c1-16)"
	[ "$size" -le $limit ] || { echo "build.sh: $out is over $limit octets" >&2; exit 1; }
}

# image ARCHITECTURE FOLDER makes an image without root: its parts are Debian's
# packages. AS is put before the program that makes it, MORE behind.
image() {
	need mksquashfs squashfs-tools
	need mkfs.vfat dosfstools
	need mcopy mtools
	need sfdisk fdisk
	need depmod kmod
	need xz xz-utils
	[ -z "${SECURE_BOOT_KEY:-}" ] || need sbsign sbsigntool
	build "$1" "$2"
	CGO_ENABLED=0 GOOS=linux GOARCH=$1 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o "$2/initrd-$1" ./cmd/initrd
	go build -o "$2/mkimage" ./cmd/mkimage
	# shellcheck disable=SC2086 # words
	SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)} ${AS:-} "$2/mkimage" -o "$2" -arch "$1" -version "${VERSION:-0.0.1}" \
		-cache "${CACHE:-$HOME/.cache/holdfast}/$1" -program "$2/holdfast-linux-$1" -early "$2/initrd-$1" -key "${KEY:-}" -keys "${KEYS:-}" -with "${WITH:-}" \
		-secure-boot-key "${SECURE_BOOT_KEY:-}" -secure-boot-cert "${SECURE_BOOT_CERT:-}" ${APPEND:+-append "$APPEND"} ${MORE:-}
	rm "$2/mkimage"
}

# all FOLDER makes what --check compares.
all() {
	build armv7 "$1"
	for arch in amd64 arm64; do MORE="-fast -plain" image $arch "$1"; done
}

# stranger runs a program as somebody who keeps files to himself.
stranger() (
	umask 077
	[ "$(id -u)" -ne 0 ] || exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	exec "$@"
)

# check builds everything twice.
check() {
	first=$(mktemp -d) second=$(mktemp -d)
	trap 'rm -rf "$first" "$second"' EXIT
	go run ./cmd/holdfast provision keygen "$first/key" >/dev/null
	KEY=$first/key
	mkdir "$first/out" "$second/out" "$second/src"
	all "$first/out"
	cp -r . "$second/src/"
	cp -r "${CACHE:-$HOME/.cache/holdfast}" "$second/packages"
	cp "$KEY" "$second/key"
	if [ "$(id -u)" -eq 0 ]; then
		chmod 755 "$second"
		chown -R 65534:65534 "$second/out" "$second/packages" "$second/key"
	fi
	(
		cd "$second/src"
		export GOCACHE="$second/cache" TZ=Asia/Kathmandu LC_ALL=C
		CACHE=$second/packages KEY=$second/key AS=stranger
		all "$second/out" >/dev/null
	)
	for f in "$first/out"/*; do
		cmp "$f" "$second/out/${f##*/}" || { echo "build.sh: not reproducible: ${f##*/}" >&2; exit 1; }
	done
	echo "reproducible: equal octets of $(ls "$first/out" | wc -l) files from two folders, caches and users"
}

PATH="$PATH:/usr/sbin:/sbin"
case ${1:-} in
image)
	out=${3:-dist}
	mkdir -p "$out"
	image "${2:-amd64}" "$out"
	exit
	;;
--check)
	check
	exit
	;;
esac
mkdir -p dist
[ $# -gt 0 ] || set -- amd64 arm64 armv7
for arch; do build "$arch" dist; done
