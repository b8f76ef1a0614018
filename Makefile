.PHONY: help test lint generate verify bench evidence

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
evidence: ## the share of answers recorded on AWS that match, into docs/compatibility.md
	go test -count 1 -v -run 'Answers|Event|Recorded|Replay' ./internal/... | sed -n 's/.*evidence: //p' | sort > docs/evidence.txt
	go generate ./cmd/larder
bench: ## the figures of docs/benchmarks.md
	go test -run '^$$' -bench . -benchmem ./...
