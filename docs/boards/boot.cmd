# A boot script for U-Boot: mkimage -T script -C none -d boot.cmd boot.scr
# It counts the tries of the slot on trial only: a good one may be turned off and
# on as often as anybody likes. Two copies of the environment, setexpr and
# bootefi have to be built in. Arm the board's watchdog before this, if it has one.
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER A
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 0

for slot in ${BOOT_ORDER}; do
	if test "${slot}" = A; then left=${BOOT_A_LEFT}; else left=${BOOT_B_LEFT}; fi
	if test ${left} -gt 0 && test "${slot}" = "${HOLDFAST_TRYING}"; then
		setexpr BOOT_${slot}_LEFT ${left} - 1
		# A try that can't be counted would be made for ever.
		saveenv || left=0
	fi
	if test ${left} -gt 0; then
		# mmc 0:2 is the partition that the box has as /boot.
		if load mmc 0:2 ${kernel_addr_r} holdfast_${slot}.efi; then
			bootefi ${kernel_addr_r} ${fdtcontroladdr}
		fi
	fi
done
reset
