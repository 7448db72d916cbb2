#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: lab/fuzz.sh [TIME], 10s if
# not said. Ends with the first that finds something.
set -euo pipefail
time=${1:-10s}
count=0
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "fuzz $package $target $time"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" | grep -vE '^fuzz: elapsed|^PASS'
		count=$((count + 1))
	done
done
echo "fuzz: $count targets, nothing found"
