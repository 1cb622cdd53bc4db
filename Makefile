# Two commands: `make up` runs everything on this machine, `make test` proves it. `make help` lists the rest.

.DEFAULT_GOAL := help
.PHONY: help up down test check unit docs deny licences helm e2e chaos page compose-test fuzz simulate format clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

# A shell that starts make in the background ignores SIGINT for it; `env` gives it its meaning back.
up: ## install, build, start all services with demo conversations, stream logs until Ctrl-C
	@exec env --default-signal=INT scripts/up.sh

down: ## stop what `make up` started
	@scripts/down.sh

test: ## install, check format and lints, run all tests with real Kafka, Redis and a browser
	@scripts/test.sh all

check: ## format, lints, documents of the code and dependencies only
	@scripts/test.sh check

unit: ## unit, property and mock-broker tests only
	@scripts/test.sh unit

docs: ## documents made from code, alerts and dashboard only
	@scripts/docs.sh check

deny: ## whether crates depend on what deny.toml lets them
	@scripts/deny.sh

licences: ## whether the licences of all dependencies are allowed
	@scripts/licences.py check

helm: ## the Helm chart only
	@scripts/test.sh helm

e2e: ## end-to-end tests only
	@scripts/test.sh e2e

chaos: ## the long form of the suite of faults, into docs/reliability.md (seed=1; root, for one of them; 40 minutes)
	@scripts/chaos.sh $(or $(seed),1)

page: ## the page in a browser, on the whole system
	@scripts/test.sh page

compose-test: ## build the images and run docker-compose.yml on an engine of its own (root, half an hour)
	@tests/compose/run.sh all

fuzz: ## run the fuzz targets for a while (seconds=300 each; needs a nightly compiler)
	@scripts/fuzz.sh $(seconds)

simulate: ## play the whole processor through faults (seeds=10000 plays, release build)
	@SIMULATION_SEEDS=$(or $(seeds),10000) cargo test --release --locked --package simulation --test system -- --nocapture whatever_goes_wrong

format: ## format the code
	@cargo fmt --all
	@npm --prefix services/web run --silent format

clean: ## remove the data that `make up` keeps (Kafka and Redis); not the build
	@scripts/down.sh
	rm -rf .local/data
