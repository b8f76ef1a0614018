package catalog

import "larder/internal/api"

func budgetDetails(names []string) []api.BudgetDetail {
	out := make([]api.BudgetDetail, len(names))
	for i, n := range names {
		out[i] = api.BudgetDetail{BudgetName: n}
	}
	return out
}
