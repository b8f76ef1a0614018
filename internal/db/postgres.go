package db

import (
	"context"
	"errors"
)

func openPostgres(context.Context, Options) (backend, error) {
	return nil, errors.New("db: PostgreSQL is not built yet")
}
