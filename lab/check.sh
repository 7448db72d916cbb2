#!/bin/sh
# What "make check" runs. FUZZTIME is the time of each fuzzer (30s). The race
# detector leaves the lab's daemons to "make test".
set -eu
STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK=golang.org/x/vuln/cmd/govulncheck@v1.9.0

# A fuzzer whose time is up may say so as a failure; one
# that found something says what.
onlyLate() {
	grep -q 'context deadline exceeded' /tmp/fuzz.$$ && ! grep -qE 'Failing input|panic|testdata/fuzz' /tmp/fuzz.$$
}
echo "== gofmt"
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "not formatted: $unformatted" >&2; exit 1; }
echo "== go vet"
go vet ./...
echo "== staticcheck"
go run $STATICCHECK -checks=all ./...
echo "== race"
go list ./... | grep -v '/lab' | xargs go test -race -timeout 15m
echo "== fuzzers"
grep -rn --include='*_test.go' -oE '^func Fuzz[A-Za-z0-9_]+' . | grep -v codecbench | while IFS=: read -r file _ func; do
	name=${func#func }
	echo "-- $name"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-30s}" -fuzzminimizetime 3s "$(dirname "$file")" >/tmp/fuzz.$$ 2>&1 || onlyLate || { cat /tmp/fuzz.$$; rm -f /tmp/fuzz.$$; exit 1; }
	tail -1 /tmp/fuzz.$$ | sed "s/^FAIL/its time was up:/"
done
rm -f /tmp/fuzz.$$
echo "== govulncheck"
if out=$(go run $GOVULNCHECK ./... 2>&1); then
	echo "$out"
elif echo "$out" | grep -qiE 'fetching vulnerabilities|vuln\.go\.dev|dial tcp|no such host|connection refused|403|proxyconnect'; then
	echo "govulncheck: database not reachable, not run"
else
	echo "$out" >&2
	exit 1
fi
