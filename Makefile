.PHONY: help test lint generate verify bench bench-issue evidence

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12
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
bench-issue: ## the bars that the issues set, in one go (ten minutes on a quiet machine; 20 GB, which TEST_STORE keeps)
	go test -run '^$$' -bench 'Parse/^(yaml|json)$$/^500$$' ./internal/cfn/template
	go test -run '^$$' -bench '^Benchmark(Create|ChangeSet)$$/50{2,3}$$' -benchtime 2s -benchmem ./internal/cfn/stack
	go test -run '^$$' -bench SearchProducts -benchtime 200x ./internal/catalog -large
	go test -run '^$$' -bench RollOut -benchtime 1x ./internal/cfn/stackset
	TEST_PRODUCTS=1000000 go test -run '^$$' -bench Scale -benchtime 300x -timeout 30m ./cmd/larder
