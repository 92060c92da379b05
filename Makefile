# The two that matter: `make demo` and `make test`. Both install what is missing first.

PYTHON ?= python3
JOBS ?= 4
# Most tests of real processes wait for them, and leave the processors to others.
WAITING_JOBS ?= 8
SECONDS ?= 60
KILLS ?= 1000
# So many simulated worlds of each sort; SEEDS=1400 runs that many with floating IPs alone.
MIX ?= floating_ip=600,alias_ip=150,failover_ip=100,all=100
SEEDS ?=
WORLDS_ARGS ?= --complete --at-least-hours 1000 --at-least-faults 50000
LONG_HOURS ?= 100000
LONG_FAULTS ?= 5000000
LONG_FIRST ?= 1000000
PYTEST_ARGS ?=
# NIGHTLY=yes: the tests marked `nightly` as well, which take long.
NIGHTLY ?=
SELECT = $(if $(NIGHTLY),,-m 'not nightly')
E2E_JOBS ?= 3
E2E_ARGS ?=
MUTATION_ARGS ?=
PREFIX ?= /usr/local
BIN := .venv/bin
# PyPy gives the same digests; it is no quicker.
WORLD_PYTHON ?= $(BIN)/python
# The demo's network namespaces need root; without it and without sudo the demo replays lines.
SUDO := $(shell test "$$(id -u)" = 0 || command -v sudo)

.PHONY: help demo test core-tests other-tests library-tests oldest-tests worlds simulate-long fuzz fuzz-alive mutation kills corpus newer-keepalived soak chaos lint
.PHONY: apt-repo docs setup dist deb rpm sbom lock e2e outage steadiness switchover pictures bench install install-parts uninstall clean
.DELETE_ON_ERROR:

help:  ## Show this
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

demo: .stamps/run  ## See a failover: real keepalived, real hakeeper, a simulated Hetzner Cloud
	@$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/hakeeper demo

test: lint core-tests other-tests worlds  ## Check everything: style, types, layers, tests, coverage of the core

PYTEST = $(BIN)/python -m pytest --dist worksteal $(SELECT) $(PYTEST_ARGS)
CORE_TESTS := tests/core tests/diagnosis tests/sequencer tests/transcripts
core-tests: .stamps/dev  ## Run the tests of the core; they must reach each line and branch of it
	$(PYTEST) -n $(JOBS) --cov=hakeeper.core --cov=hakeeper.diagnosis --cov-branch --cov-report= $(CORE_TESTS)
	$(BIN)/coverage report --include="hakeeper/core/*,hakeeper/diagnosis/*" --fail-under=100

other-tests: .stamps/dev  ## Run all other tests, untraced: it halves the time of simulated worlds
	$(if $(NIGHTLY),@PYTHON=$(PYTHON) .ci/install-packages rpm && PYTHON=$(PYTHON) .ci/install-packages container)
	$(PYTEST) -n $(WAITING_JOBS) $(CORE_TESTS:%=--ignore=%)

# Where Python and the libraries have a part: no keepalived, package or document. The core has none.
LIBRARY_TESTS := $(addprefix tests/,adapters cli config contracts daemon doctor kinds metrics properties recording setup simcloud)
library-tests: .stamps/dev  ## Run what another Python could break, beside core-tests; the one of .venv
	$(PYTEST) -n $(JOBS) $(LIBRARY_TESTS)

oldest-tests: .stamps/oldest  ## Run the same with the oldest libraries that pyproject.toml allows, on Python 3.11
	.oldest/bin/python -m pytest --dist worksteal $(SELECT) -n $(JOBS) $(PYTEST_ARGS) $(LIBRARY_TESTS)

worlds: .stamps/run  ## Run simulated worlds with all kinds of resources: 1,000 hours, 50,000 faults, no violation
	$(BIN)/python -m tests.world $(if $(SEEDS),--seeds $(SEEDS),--mix $(MIX)) $(WORLDS_ARGS)

simulate-long: .stamps/run  ## Run LONG_HOURS (100000) simulated hours; takes an hour and a half alone
	$(WORLD_PYTHON) -m tests.world --first $(LONG_FIRST) --seeds 1000000 --details \
	    --until-hours $(LONG_HOURS) --at-least-faults $(LONG_FAULTS) --json simulate-long.json

fuzz: .stamps/fuzz  ## Look for inputs that break the readers, SECONDS (60) for each of them
	$(BIN)/python -m tests.fuzz.campaign --seconds $(SECONDS)

fuzz-alive: .stamps/fuzz  ## Plant bugs in the readers, and see that `make fuzz` would find them
	$(BIN)/python -m tests.fuzz.alive

mutation: .stamps/dev  ## Plant small faults in the core; MUTATION_ARGS='--module resource' or '--sample 300 --seed 1 --jobs 2'
	$(BIN)/python -m tests.mutation $(MUTATION_ARGS)

kills: .stamps/dev  ## Kill the real daemon KILLS (1000) times, at every boundary of its work; SEED=
	$(BIN)/python -m tests.crash.kills --kills $(KILLS) --jobs $(JOBS) \
	    $(if $(SEED),--seed $(SEED))

corpus: .stamps/dev  ## Try all set-ups of keepalived with `check --online`, as root: verdict and truth
	@$(SUDO) env HAKEEPER_CORPUS=all PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m pytest \
	    -p no:cacheprovider -n $(JOBS) -rP tests/corpus $(PYTEST_ARGS)

newer-keepalived: .stamps/dev  ## Run the tests of real keepalived with the one of Debian 13, as root
	@PYTHON=$(PYTHON) .ci/install-packages newer
	@$(SUDO) .ci/newer-keepalived trixie .newer-keepalived/trixie \
	    $(BIN)/python -m pytest tests/keepalived $(PYTEST_ARGS)

e2e: .stamps/dev  ## Install the package on pairs of machines that boot, and go through 20 scenarios
	@PYTHON=$(PYTHON) .ci/install-packages e2e
	$(MAKE) deb
	@$(SUDO) $(BIN)/python -m tests.e2e.roots 12 13 $(if $(NIGHTLY),14)
	@$(SUDO) tests/e2e/isolated -n $(E2E_JOBS) $(SELECT) $(E2E_ARGS)

REPEAT ?= 5
OUTAGE_ARGS ?=
outage: .stamps/dev  ## Let masters die: how long is an address away? Beside a notify script; REPEAT=5 OUTAGE_ARGS='--profile fastest'
	@$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.outage --repeat $(REPEAT) $(OUTAGE_ARGS)

STEADINESS_ARGS ?=
steadiness: .stamps/dev  ## Lose and delay adverts, keep processors busy: does the standby take over? SECONDS=60 STEADINESS_ARGS='--trouble jitter'
	@$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.outage.steadiness \
	    --seconds $(SECONDS) $(STEADINESS_ARGS)

switchover: .stamps/dev  ## Step down and up under 100 requests a second: is one lost? REPEAT=5
	@$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.outage.switchover --repeat $(REPEAT)

LOOK ?=
pictures: .stamps/dev  ## Draw the pictures of commands in docs/, as root; LOOK=FOLDER draws all of them into a folder, 80 and 120 columns wide
	@$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.pictures $(if $(LOOK),--look $(LOOK))

BENCH ?=
bench: .stamps/dev  ## Measure speed and costs, some parts as root; BENCH="claim idle --repeat 20 --json FILE"
	@$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.bench $(BENCH)

HOURS ?= 0.5
NODES ?= 2
PROFILE ?= fast
soak: .stamps/run  ## Random faults on real keepalived: HOURS=0.5 NODES=2|3 SEED= PROFILE=fast|plain JSON=
	@$(SUDO) env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.soak --hours $(HOURS) \
	    --nodes $(NODES) --profile $(PROFILE) $(if $(SEED),--seed $(SEED)) $(if $(JSON),--json $(JSON))

KEEPALIVED ?= script
CHAOS = env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m tests.chaos --hours $(HOURS)
chaos: .stamps/dev  ## Random faults on real daemons, judged from outside: KEEPALIVED=script|real|trixie|forky HOURS=2 SEED= ONLY= JSON=
ifneq ($(filter-out script real,$(KEEPALIVED)),)
	@PYTHON=$(PYTHON) .ci/install-packages newer
endif
	$(SUDO) $(if $(filter-out script real,$(KEEPALIVED)),.ci/newer-keepalived $(KEEPALIVED) .newer-keepalived/$(KEEPALIVED)) \
	    $(CHAOS) --keepalived $(if $(filter script,$(KEEPALIVED)),script,real) \
	    $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json $(JSON))

lint: .stamps/dev  ## Check style, words, types and layers only
	$(BIN)/ruff check
	$(PYTHON) .ci/retired-words
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .stamps/dev  ## Build the site of the documents, to be searched, in build/site
	$(BIN)/sphinx-build --quiet --fail-on-warning --nitpicky -c docs/site . build/site
	@echo build/site/index.html

setup: .stamps/dev  ## Install what is missing, and make the virtual environment

deb:  ## Build the Debian package (with sdist and wheel) into dist/
	@PYTHON=$(PYTHON) .ci/install-packages run
	@PYTHON=$(PYTHON) .ci/install-packages deb
	@PYTHON=$(PYTHON) .ci/build-deb

dist: deb  ## The same

rpm:  ## Build the RPM, binary and source, into dist/
	@PYTHON=$(PYTHON) .ci/install-packages run
	@PYTHON=$(PYTHON) .ci/install-packages rpm
	@$(MAKE) --no-print-directory --always-make PARTS=build/rpm-parts build/rpm-parts/complete
	@.ci/build-rpm build/rpm-parts build/rpm

# The key is one of gpg's; the folder may hold a repository already.
APT_KEY ?=
APT_REPO ?= dist/apt
APT_URL ?= https://hakeeper.github.io/hakeeper/apt
apt-repo: deb  ## Make a signed apt repository of the package: APT_KEY=ID APT_REPO=dist/apt APT_URL=https://…
	@test -n '$(APT_KEY)' || { echo 'make apt-repo APT_KEY=ID: which of the keys in "gpg --list-secret-keys"?' >&2; exit 2; }
	@PYTHON=$(PYTHON) .ci/install-packages apt
	.ci/apt-repo $(APT_REPO) $(APT_URL) $(APT_KEY) dist/*.deb

sbom: .stamps/run  ## Write the bill of materials of what the package brings, into dist/
	@mkdir -p dist
	$(BIN)/python .ci/sbom dist/hakeeper.cdx.json

lock: .stamps/run  ## Take the newest versions that pyproject.toml allows into .ci/locks/
	$(BIN)/python .ci/locks/update

# As the packages do it: wheels of the lock, each by its hash, with the distribution's own PyYAML,
# systemd-python and certifi. With DESTDIR only files are put there.
ROOT := $(if $(DESTDIR),$(abspath $(DESTDIR)))/
SERVICE_PYTHON ?= /usr/bin/python3
PARTS ?= build/install
$(PARTS)/complete: pyproject.toml $(wildcard .ci/locks/*.txt) $(shell find hakeeper -name '*.py')
	PYTHON=$(SERVICE_PYTHON) .ci/build-wheels $(PARTS)
	cp $(PARTS)/dist/*.whl $(PARTS)/wheels/
	@touch $@

install-parts: $(PARTS)/complete  ## Fetch and build what `make install` puts there, for a server without the network

install:  ## Install the service without a package, below PREFIX=/usr/local (as root)
	@! command -v apt-get >/dev/null || PYTHON=$(SERVICE_PYTHON) .ci/install-packages install
	@.ci/packaging/needs $(SERVICE_PYTHON) $$($(MAKE) --question $(PARTS)/complete 2>/dev/null || echo build)
	@$(MAKE) --no-print-directory $(PARTS)/complete
	rm -rf $(PARTS)/staged
	SERVICE_PYTHON=$(SERVICE_PYTHON) .ci/packaging/stage $(PARTS)/staged $(PREFIX) $(PARTS)/wheels $(PARTS)/build-wheels/shtab-*.whl
	$(SERVICE_PYTHON) -m compileall -q -s $(PARTS)/staged -p / $(PARTS)/staged$(PREFIX)/lib/hakeeper
	$(SERVICE_PYTHON) .ci/packaging/put install $(PARTS)/staged $(ROOT) $(PREFIX)
ifeq ($(DESTDIR),)
	systemd-sysusers hakeeper.conf
	systemd-tmpfiles --create hakeeper.conf
	journalctl --update-catalog
	test ! -d /run/systemd/system || systemctl daemon-reload
endif

uninstall:  ## Take away what `make install` has put there, but not /etc/hakeeper (as root)
ifeq ($(DESTDIR),)
	-systemctl disable --now hakeeper.service hakeeper-hooks.socket hakeeper-metrics.service
endif
	$(SERVICE_PYTHON) .ci/packaging/put remove $(ROOT) $(PREFIX)
ifeq ($(DESTDIR),)
	rm -rf /run/hakeeper /run/hakeeper-step-down /run/hakeeper-hooks /var/lib/hakeeper
	if getent passwd hakeeper >/dev/null; then userdel hakeeper; fi
	if getent passwd hakeeper-hooks >/dev/null; then userdel hakeeper-hooks; fi
	journalctl --update-catalog
	test ! -d /run/systemd/system || systemctl daemon-reload
	@echo '/etc/hakeeper stays, with the token: remove it by hand when you need it no more.'
endif

clean:  ## Remove everything that was made here
	rm -rf .venv .oldest .stamps .ansible .fuzz .machines .e2e .newer-keepalived .coverage .coverage.* build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find hakeeper tests -name __pycache__ -prune -exec rm -rf {} +

# pip reads dependency groups from 25.1 on; Debian 12 brings 23.0.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The stamps: made again when what they were made from has changed.
.stamps/run: pyproject.toml Makefile .ci/install-packages .ci/locks/runtime.txt
	@PYTHON=$(PYTHON) .ci/install-packages run
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) 'pip>=25.1'
	$(PIP) --require-hashes --requirement .ci/locks/runtime.txt
	$(PIP) --editable .
	@mkdir -p .stamps && touch $@

.stamps/dev: .stamps/run .ci/ansible-modules
	@PYTHON=$(PYTHON) .ci/install-packages dev
	@PYTHON=$(PYTHON) .ci/install-packages deb
	@.ci/ansible-modules .ansible
	$(PIP) --group dev
	@touch $@

# Beside .venv, since the tools of `dev` want newer ones. PyYAML 6.0 is older than Python 3.12.
OLDEST_PYTHON ?= python3.11
.stamps/oldest: .stamps/dev .ci/oldest
	rm -rf .oldest
	$(OLDEST_PYTHON) -m venv .oldest
	.ci/oldest >.oldest/constraints.txt
	.oldest/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	.oldest/bin/python -m pip install --quiet --disable-pip-version-check --group test \
	    --constraint .oldest/constraints.txt --editable '.[metrics]'
	@touch $@

.stamps/fuzz: .stamps/dev
	$(PIP) --group fuzz
	@touch $@
