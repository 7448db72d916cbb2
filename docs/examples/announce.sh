#!/bin/sh
# Announces a prefix for as long as it runs.
#
#     process announce { run announce.sh 192.0.2.53/32; encoder json; }
#
# A helper says commands on its standard output, and reads answers and events on
# its standard input. It has to read them: what it does not, is lost.

prefix=$1

# An event: one object a line.
heard() {
	case $1 in
	*'"type": "state"'*'"state": "up"'*) echo "a neighbor is up" >&2 ;;
	*'"type": "state"'*'"state": "down"'*) echo "a neighbor is down" >&2 ;;
	esac
}

# Says a command and waits for its answer. Events may come before it. When there
# are no more lines, the daemon is gone, and so are our routes.
say() {
	echo "$1"
	while read -r line || exit 0; do
		case $line in
		done) return ;;
		error) echo "refused: $1" >&2; exit 1 ;;
		"error: "*) echo "$line" >&2 ;; # why, before "error"
		*) heard "$line" ;;
		esac
	done
}

stop() {
	trap '' TERM
	say "withdraw route $prefix next-hop self"
	exit
}

trap stop TERM
say "announce route $prefix next-hop self"
while read -r line; do
	heard "$line"
done
