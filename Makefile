.PHONY: help test lint generate verify bench

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12
test: ## everything the machine can test (what it lacks is skipped by name)
	go test ./...
lint: ## go vet and golangci-lint
	go vet ./...
	golangci-lint run
generate: ## regenerate code and generated documents
	go generate ./...
verify: generate ## fail if a generated file is stale
	git diff --exit-code
bench: ## the figures of docs/benchmarks.md
	go test -run '^$$' -bench . -benchmem ./...
