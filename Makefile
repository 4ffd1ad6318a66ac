# make run · make test · make bench. Each sets up what it needs and says so; twice is harmless.
# Rust (rustup.rs) and Node 20.19+, 22.13+ or 24+ (nodejs.org) are prerequisites; everything else is installed here.
SHELL := /bin/bash
.DEFAULT_GOAL := help
SCENARIO ?= dlq-fills
STACK ?=
# What vite, its Svelte plugin and eslint run on.
NODE := 20.19 or later of 20, 22.13 or later of 22, or 24 or later
VENV := .venv
STAMPS := target/.stamps
LOCALSTACK := target/localstack
BESIDE := $(patsubst %,tests/python/test_%.py,canary clock cluster_ways credentials keyring login mfa programs rights simulator_sts way_in)
PACKAGES := libwebkit2gtk-4.1-dev libgtk-3-dev librsvg2-dev pkg-config build-essential curl file python3-venv
TEST_PACKAGES := webkit2gtk-driver xvfb xauth dbus dbus-x11 gnome-keyring imagemagick
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help run test test-redrive test-cluster test-package bench package lint ui-test rust-test python-test window-test prerequisites

help:
	@echo "make run [STACK=FILE] [SCENARIO=calm|az-degraded|dlq-fills|writer-sick|writer-load]   the console; without STACK on the simulated platform"
	@echo "make test                                                     everything that must hold"
	@echo "make test-redrive                                             the native redrive against LocalStack's SQS (installs it once, some minutes)"
	@echo "make test-cluster KUBEBUILDER_ASSETS=DIR                     reading and acting on a real Kubernetes control plane, whose binaries are in DIR"
	@echo "make package                                                  target/quarterdeck.deb"
	@echo "make test-package                                             that package installed, started, upgraded and removed (as root)"
	@echo "make bench                                                    the figures of the README, side by side"

prerequisites:
	@command -v cargo >/dev/null || { echo "Rust is missing: install 1.94.1 or newer from https://rustup.rs"; exit 1; }
	@command -v node >/dev/null || { echo "Node is missing: install $(NODE), from https://nodejs.org"; exit 1; }
	@[[ "$$(node --version)" =~ ^v(20\.(19|[2-9][0-9])|22\.(1[3-9]|[2-9][0-9])|2[4-9]\.[0-9]+|[3-9][0-9]\.[0-9]+)\. ]] || \
	  { echo "Node is $$(node --version), which the window's tools do not run on: install $(NODE), from https://nodejs.org"; exit 1; }
	@command -v npm >/dev/null || { echo "npm is missing: it comes with Node from https://nodejs.org"; exit 1; }

$(STAMPS)/packages: Makefile
	@mkdir -p $(STAMPS)
	@dpkg -s $(PACKAGES) >/dev/null 2>&1 || { echo "▸ installing Debian packages: $(PACKAGES)"; \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; }
	@touch $@

$(STAMPS)/test-packages: $(STAMPS)/packages
	@dpkg -s $(TEST_PACKAGES) >/dev/null 2>&1 || { echo "▸ installing Debian packages: $(TEST_PACKAGES)"; \
	  $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $(TEST_PACKAGES) >/dev/null; }
	@command -v cargo-nextest >/dev/null || { echo "▸ installing the test runner cargo-nextest (a few minutes, once)"; cargo install --locked cargo-nextest; }
	@touch $@

ui/node_modules/.package-lock.json: ui/package-lock.json | prerequisites
	@echo "▸ installing the window's packages"
	@cd ui && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

UI_SOURCES := $(shell find ui/src ui/index.html ui/public ui/*.json ui/*.ts ui/*.js -type f 2>/dev/null)
ui/dist/index.html: ui/node_modules/.package-lock.json $(UI_SOURCES)
	@echo "▸ building the window's page"
	@cd ui && npm run build --silent
	@touch $@

$(VENV)/.ready: tests/python/requirements.txt | $(STAMPS)/packages
	@echo "▸ installing the independent clients and emulators the tests use (boto3, moto, ministack, kubectl)"
	@python3 -m venv $(VENV) && $(VENV)/bin/pip install -q --disable-pip-version-check -r tests/python/requirements.txt
	@touch $@

run: prerequisites $(STAMPS)/packages ui/dist/index.html
	@echo "▸ building Quarterdeck (the first time takes some ten minutes)"
	@cargo build --workspace --bins --quiet
	@if [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	  echo "There is no display here (DISPLAY and WAYLAND_DISPLAY are empty), so the window cannot open."; \
	  echo "The same picture in the terminal:"; \
	  echo "  target/debug/qd sim --scenario $(SCENARIO) --dir /tmp/quarterdeck-sim &"; \
	  echo "  target/debug/qd status --stack $(if $(STACK),$(STACK),/tmp/quarterdeck-sim/quarterdeck.toml)"; \
	  exit 1; \
	fi; \
	exec target/debug/quarterdeck $(if $(STACK),--stack $(STACK),--drill $(SCENARIO))

test: lint ui-test rust-test python-test window-test
	@echo "make test: everything passed"

lint: prerequisites $(STAMPS)/test-packages ui/dist/index.html
	@echo "▸ formatting and lints"
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --quiet -- -D warnings

ui-test: prerequisites ui/dist/index.html
	@echo "▸ the window's own tests"
	@cd ui && npm run --silent check && npm run --silent lint && npm test --silent

rust-test: prerequisites $(STAMPS)/test-packages ui/dist/index.html $(VENV)/.ready
	@echo "▸ Rust tests"
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cargo nextest run --workspace

# Those that hardly need a core run beside the others, and give way to them. Both are jobs of their own (set -m), so that they can
# be interrupted, and are waited for, as bash hears of a signal only while it waits: whoever stops this stops both, and each ends
# its simulators.
python-test: rust-test
	@echo "▸ the simulated platform and qd, asked by boto3 and kubectl; qd against moto and ministack"
	@cargo build --workspace --bins --quiet
	@export PATH="$(CURDIR)/$(VENV)/bin:$$PATH" QD_BIN="$(CURDIR)/target/debug/qd"; \
	trap 'kill -INT $$main $$beside 2>/dev/null; wait' EXIT; trap 'exit 130' INT TERM HUP; \
	set -m; nice -n 10 pytest -q $(BESIDE) </dev/null >target/python-beside.log 2>&1 & beside=$$!; \
	pytest -q tests/python $(addprefix --ignore=,$(BESIDE)) </dev/null & main=$$!; set +m; \
	wait $$main; failed=$$?; wait $$beside; other=$$?; trap - EXIT; cat target/python-beside.log; exit $$((failed | other))

window-test: rust-test
	@echo "▸ the real window, driven"
	@QD_APP="$(CURDIR)/target/debug/quarterdeck" tests/window/run

$(LOCALSTACK)/.ready: tests/python/localstack/requirements.txt | $(STAMPS)/packages
	@echo "▸ installing LocalStack 4.7.0 (some minutes, once)"
	@python3 -m venv $(LOCALSTACK) && $(LOCALSTACK)/bin/pip install -q --disable-pip-version-check -r $<
	@touch $@

test-redrive: prerequisites $(STAMPS)/packages ui/dist/index.html $(LOCALSTACK)/.ready
	@echo "▸ the native redrive against LocalStack's SQS, which moves messages by itself"
	@cargo build --workspace --bins --quiet
	@QD_BIN="$(CURDIR)/target/debug/qd" $(LOCALSTACK)/bin/pytest -q tests/python/localstack/redrive.py

test-cluster: prerequisites $(STAMPS)/packages ui/dist/index.html $(VENV)/.ready
	@echo "▸ a real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler of KUBEBUILDER_ASSETS"
	@cargo build --workspace --bins --quiet
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" QD_BIN="$(CURDIR)/target/debug/qd" $(VENV)/bin/pytest -q tests/python/cluster/real.py

# Packed by Tauri's own bundler out of the binaries that cargo built, and packed again by xz, which it does not know.
package: prerequisites $(STAMPS)/packages ui/dist/index.html
	@echo "▸ building the package (release; the first time takes some half an hour)"
	@cargo build --release --workspace --bins --quiet
	@rm -f target/release/bundle/deb/*.deb
	@cd src-tauri && ../ui/node_modules/.bin/tauri bundle --bundles deb >/dev/null
	@rm -rf target/package && dpkg-deb -R target/release/bundle/deb/*_$$(dpkg --print-architecture).deb target/package
	@dpkg-deb -Zxz --root-owner-group -b target/package target/quarterdeck.deb >/dev/null
	@ls -lh target/quarterdeck.deb

test-package: package $(STAMPS)/test-packages
	@echo "▸ the package, installed and removed"
	@tests/package/run target/quarterdeck.deb

bench: prerequisites $(STAMPS)/packages ui/dist/index.html $(VENV)/.ready
	@echo "▸ building for measuring (release)"
	@cargo build --release --workspace --bins --quiet
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" QD_BIN="$(CURDIR)/target/release/qd" $(VENV)/bin/python tests/bench/run.py
