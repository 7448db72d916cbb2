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
need tcpdump tcpdump
need bgpdump bgpdump
need ip iproute2
need ss iproute2
need systemd-analyze systemd
need dbus-daemon dbus-daemon
need dbus-send dbus-bin
need ps procps
need mkfs.vfat dosfstools
need xorriso xorriso
need git git
need gcc gcc # the race detector links with it
need /usr/include/stdlib.h libc6-dev
need qemu-system-x86_64 qemu-system-x86
# A root for emulated machines, and their disks.
need depmod kmod
need mkfs.ext4 e2fsprogs
need mcopy mtools
need cpio cpio
# Images of boxes, and firmware that boots them.
need mksquashfs squashfs-tools
need veritysetup cryptsetup-bin
need /usr/lib/systemd/boot/efi/linuxx64.efi.stub systemd-boot-efi
need /usr/share/OVMF/OVMF_CODE_4M.fd ovmf
need sfdisk fdisk
need xz xz-utils
need qemu-system-aarch64 qemu-system-arm
need /usr/share/AAVMF/AAVMF_CODE.fd qemu-efi-aarch64
need dnsmasq dnsmasq-base
need sbsign sbsigntool
need openssl openssl
# Boot loaders' own tools.
need efibootmgr efibootmgr
need fw_setenv libubootenv-tool
need mkimage u-boot-tools
need /usr/lib/u-boot/qemu_arm64/u-boot.bin u-boot-qemu
need grub-editenv grub-common
need ssh openssh-client
need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring

# A kernel with its watchdog modules, for the emulated machine. It is not
# installed, only unpacked: this host boots what it booted before.
parts=/var/cache/holdfast-lab
unpack_kernel() {
	[ -e $parts/vmlinuz ] && return
	echo "unpacking a kernel for the emulated machine"
	dir=$(mktemp -d)
	chmod 755 "$dir"
	(
		cd "$dir"
		kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
		apt-get download -qq "$kernel" 2>/dev/null
		dpkg-deb -x linux-image-*.deb x
		mkdir -p $parts
		for module in watchdog i6300esb; do
			cp x/lib/modules/*/kernel/drivers/watchdog/$module.ko $parts/
		done
		cp x/boot/vmlinuz-* $parts/vmlinuz
	)
	rm -rf "$dir"
}

[ -n "$packages" ] || [ ! -e $parts/vmlinuz ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "missing:$packages (apt-get install$packages), and $parts: run this as root once" >&2
	exit 1
fi
[ -z "$packages" ] || echo "installing:$packages"
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
[ -z "$packages" ] || apt-get install -y -qq --no-install-recommends $packages >/dev/null
unpack_kernel
# Nor after the next boot.
for service in bird frr gobgpd exabgp; do
	case "$packages " in
	*" $service "* | *" ${service}2 "*) systemctl --quiet disable "$service" 2>/dev/null || true ;; # or there is no systemd
	esac
done
