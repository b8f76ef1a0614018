package db

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgres is a PostgreSQL database that any number of processes share.
type postgres struct {
	pool     *pgxpool.Pool
	rewriter *rewriter
}

const (
	beginUpdate = "BEGIN ISOLATION LEVEL SERIALIZABLE"
	beginView   = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"

	// maxTries bounds how often a transaction is begun anew that another one
	// got in the way of; with the pauses between, about three seconds.
	maxTries = 40

	// commitTime bounds a commit, which its caller's context does not end.
	commitTime = 30 * time.Second
)

func openPostgres(ctx context.Context, o Options) (*postgres, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	config.MaxConns = 16
	if o.Conns > 0 {
		config.MaxConns = int32(min(o.Conns, 1000))
	}
	params := config.ConnConfig.RuntimeParams
	if params["application_name"] == "" {
		params["application_name"] = "larder"
	}
	// A transaction is SQL only, so one that stands still was left behind by
	// a process that lost its network.
	params["idle_in_transaction_session_timeout"] = "60s"
	// On tables of a few pages the planner prefers to scan them, and a scan
	// conflicts with every concurrent write to the table. Measured with 64
	// clients that start runs: 2,100 runs/s without scans, 1,700 with.
	params["enable_seqscan"] = "off"
	// The scans that remain count as immensely dear then, and would be compiled
	// first: 10 to 100 ms for each statement over a whole table.
	params["jit"] = "off"
	if o.Ephemeral {
		params["synchronous_commit"] = "off"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	p := &postgres{pool: pool, rewriter: &rewriter{dialect: postgresDialect}}
	if err := p.migrate(ctx, o); err != nil {
		pool.Close()
		return nil, err
	}
	return p, nil
}

// migrate holds a lock meanwhile, so that of several servers that start at
// once one migrates and the others find it done. The lock goes with its
// connection, which is none of the pool's.
func (p *postgres) migrate(ctx context.Context, o Options) error {
	c, err := pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("db: connect: %w", err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	_, err = c.Exec(ctx, `SELECT pg_advisory_lock(hashtext('larder migrations'), hashtext(coalesce(current_schema(), '')))`)
	if err != nil {
		return fmt.Errorf("db: lock the schema: %w", err)
	}
	return migrate(ctx, p, o.Logger)
}

func (p *postgres) close() error {
	p.pool.Close()
	return nil
}

func (p *postgres) view(ctx context.Context, fn func(*Tx) error) error {
	return p.transact(ctx, beginView, fn)
}

func (p *postgres) update(ctx context.Context, fn func(*Tx) error) error {
	return p.transact(ctx, beginUpdate, fn)
}

// transact tries until the transaction is through or fails for a reason of
// its own.
func (p *postgres) transact(ctx context.Context, begin string, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		tx, again, err := p.try(ctx, begin, fn)
		if err == nil {
			// The connection is back in the pool: a hook may need one.
			tx.committed()
			return nil
		}
		if !again || try == maxTries {
			return err
		}
		pause := time.NewTimer(rand.N(min(time.Millisecond<<try, 100*time.Millisecond)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		}
	}
}

// try runs the transaction once and reports whether it is worth another try.
func (p *postgres) try(ctx context.Context, begin string, fn func(*Tx) error) (_ *Tx, again bool, err error) {
	c, err := p.pool.Acquire(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		return nil, false, fmt.Errorf("db: connect: %w", err)
	}
	defer c.Release() // closes a connection that is not idle
	s := &pgSession{conn: c.Conn(), rewriter: p.rewriter, batch: &pgx.Batch{}}
	s.batch.Queue(begin)
	tx := &Tx{ctx: ctx, session: s}
	over := false
	defer func() {
		if !over {
			// The closure ended its goroutine.
			_ = tx.end(nil)
			s.rollback(ctx)
		}
	}()
	err = call(fn, tx, func() {})
	over = true
	raised := err
	if err = tx.end(err); err == nil {
		if err = s.commit(ctx, begin == beginUpdate); err == nil {
			return tx, false, nil
		}
		tx.err = fmt.Errorf("db: commit: %w", err)
		err = tx.err
	}
	s.rollback(ctx)
	raise(raised)
	// What the closure made of a failed statement does not count, the
	// statement's error does.
	return tx, s.passing(tx.err), err
}

// pgSession is a connection in a transaction. Writes wait in the batch for
// the next read or the commit and go with it in one round trip.
type pgSession struct {
	conn     *pgx.Conn
	rewriter *rewriter
	batch    *pgx.Batch
	counts   []*int64 // where the batch's statements put their row counts
	begun    bool     // something was sent
	unsure   bool     // the commit was sent
}

func (s *pgSession) exec(_ context.Context, query string, args []any, rows *int64) error {
	st, err := s.rewriter.statement(query)
	if err != nil {
		return err
	}
	if err := st.fits(args); err != nil {
		return err
	}
	if rows != nil {
		for len(s.counts) < s.batch.Len() {
			s.counts = append(s.counts, nil)
		}
		s.counts = append(s.counts, rows)
	}
	s.batch.Queue(st.text, args...)
	return nil
}

func (s *pgSession) execRows(ctx context.Context, query string, args []any) (int64, error) {
	var n int64
	if err := s.exec(ctx, query, args, &n); err != nil {
		return 0, err
	}
	return n, s.flush(ctx)
}

// send sends the batch and reads the results of all but its last statements.
func (s *pgSession) send(ctx context.Context, last int) (pgx.BatchResults, error) {
	batch, counts := s.batch, s.counts
	s.batch, s.counts, s.begun = &pgx.Batch{}, nil, true
	results := s.conn.SendBatch(ctx, batch)
	for i := range batch.Len() - last {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close()
			return nil, postgresError(err, batch.QueuedQueries[i].SQL)
		}
		if i < len(counts) && counts[i] != nil {
			*counts[i] = tag.RowsAffected()
		}
	}
	return results, nil
}

func (s *pgSession) flush(ctx context.Context) error {
	results, err := s.send(ctx, 0)
	if err != nil {
		return err
	}
	return postgresError(results.Close(), "")
}

func (s *pgSession) query(ctx context.Context, query string, args []any) (cursor, error) {
	if err := s.exec(ctx, query, args, nil); err != nil {
		return nil, err
	}
	results, err := s.send(ctx, 1)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, postgresError(err, "")
	}
	return &pgRows{results: results, rows: rows}, nil
}

// commit sends what is queued and the commit. A transaction that read
// nothing and wrote nothing was never begun.
func (s *pgSession) commit(ctx context.Context, writes bool) error {
	if !s.begun && s.batch.Len() == 1 {
		return nil
	}
	s.batch.Queue("COMMIT")
	if writes {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(context.WithoutCancel(ctx), commitTime)
		defer done()
		s.unsure = true
	}
	err := s.flush(ctx)
	var refused *pgconn.PgError
	if err == nil || errors.As(err, &refused) {
		s.unsure = false // the server said so
	}
	return err
}

// rollback ends the transaction; a connection on which that fails is not
// used again.
func (s *pgSession) rollback(ctx context.Context) {
	if !s.begun || s.conn.IsClosed() || s.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer done()
	if _, err := s.conn.Exec(ctx, "ROLLBACK"); err != nil {
		_ = s.conn.Close(ctx)
	}
}

// passing reports whether an error came of the moment: another transaction
// was in the way, or the connection broke before the commit was sent.
func (s *pgSession) passing(err error) bool {
	if err == nil {
		return false
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "40001", "40P01": // serialization failure, deadlock
			return true
		case "0A000": // a prepared statement from before a migration
			return strings.Contains(refused.Message, "cached plan")
		case "57P01", "57P02", "57P03", "25P03": // the server stops, starts, or ended our session
			return true
		}
		return false
	}
	return s.conn.IsClosed() && !s.unsure && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// postgresError gives a server's error its meaning. A statement that was put
// off is named, since the one that met its error is another.
func postgresError(err error, query string) error {
	if err == nil {
		return nil
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "23505" {
		err = errors.Join(ErrUnique, err)
	}
	if query != "" {
		return fmt.Errorf("%w (in %s)", err, excerpt(query))
	}
	return err
}

type pgRows struct {
	results pgx.BatchResults
	rows    pgx.Rows
	row     []any
}

func (r *pgRows) next() ([]any, error) {
	if !r.rows.Next() {
		return nil, postgresError(r.rows.Err(), "")
	}
	fields, raw := r.rows.FieldDescriptions(), r.rows.RawValues()
	if r.row == nil {
		r.row = make([]any, len(fields))
	}
	for i, f := range fields {
		v, err := decode(f, raw[i])
		if err != nil {
			return nil, err
		}
		r.row[i] = v
	}
	return r.row, nil
}

func (r *pgRows) close() error {
	r.rows.Close()
	return postgresError(errors.Join(r.rows.Err(), r.results.Close()), "")
}

// decode reads a column of one of the portable types as the embedded
// database would give it.
func decode(f pgconn.FieldDescription, raw []byte) (any, error) {
	if raw == nil {
		return nil, nil
	}
	binaryFormat := f.Format == pgtype.BinaryFormatCode
	switch f.DataTypeOID {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.NameOID, pgtype.UnknownOID:
		return string(raw), nil
	case pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID:
		if !binaryFormat {
			return strconv.ParseInt(string(raw), 10, 64)
		}
		switch len(raw) {
		case 8:
			return int64(binary.BigEndian.Uint64(raw)), nil
		case 4:
			return int64(int32(binary.BigEndian.Uint32(raw))), nil
		case 2:
			return int64(int16(binary.BigEndian.Uint16(raw))), nil
		}
	case pgtype.BoolOID: // of a comparison; columns are integers
		return truth(binaryFormat && raw[0] == 1 || !binaryFormat && raw[0] == 't'), nil
	case pgtype.ByteaOID:
		if binaryFormat {
			return append([]byte{}, raw...), nil
		}
		return hex.DecodeString(strings.TrimPrefix(string(raw), `\x`))
	}
	return nil, fmt.Errorf("column %s has a type that is not portable (OID %d): cast it", f.Name, f.DataTypeOID)
}
