# make            says what there is
# make demo       a real session in namespaces, with a simulated watchdog
# make test       passes the tests
.PHONY: help build test test-image check bench demo setup

help:
	@echo "make demo    a real session in namespaces, live in this terminal (KEEP=1: stays)"
	@echo "make test    all tests, on real BGP speakers and a real kernel (as root)"
	@echo "make test-image   updates, power cuts and first boots in emulated machines: two hours"
	@echo "make check   test, and gofmt, vet, staticcheck, race, fuzzers, govulncheck"
	@echo "make bench   benchmarks"
	@echo "make build   static binaries for amd64, arm64 and armv7 in dist/"

build:
	./build.sh

setup:
	@./lab/setup.sh

# Without the cache of results: the lab builds the daemon by itself, and Go does
# not see that it has changed.
test: setup
	go test -count=1 -timeout 40m ./...

test-image: setup
	# What make test has told already is not told again.
	go test -count=1 -timeout 300m -v -tags images -skip '^(TestBox|TestRestart|TestImage|TestARM|TestDirect)$$' ./lab/vm

check: setup
	./lab/check.sh

bench:
	go test -run '^$$' -bench . -benchmem ./...
	cd lab/codecbench && go test -run '^$$' -bench . -benchmem ./...

demo: setup
	go run ./lab/demo
