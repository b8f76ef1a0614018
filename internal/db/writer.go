package db

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// writer is the one goroutine that writes an embedded database. It commits
// what many callers asked for in one transaction, each inside a savepoint of
// its own: the disk is waited for once per batch.
type writer struct {
	conn     *conn
	requests chan *request
	closing  chan struct{}
	done     chan struct{}
	once     sync.Once

	commits atomic.Int64 // batches made durable
}

// maxBatch bounds how many callers one commit serves, and so how long the
// first of them waits for the last.
const maxBatch = 64

// A request is one caller's transaction.
type request struct {
	ctx   context.Context
	fn    func(*Tx) error
	taken atomic.Bool // by the writer, or by a caller that gave up
	tx    *Tx
	err   error
	done  chan struct{}
}

func startWriter(c *conn) *writer {
	w := &writer{
		conn:     c,
		requests: make(chan *request, maxBatch),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
	}
	go w.loop()
	return w
}

// stop serves what is queued and ends the goroutine.
func (w *writer) stop() {
	w.once.Do(func() { close(w.closing) })
	<-w.done
}

func (w *writer) update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case <-w.closing:
		return ErrClosed
	default:
	}
	select {
	case w.requests <- r:
	case <-w.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-r.done:
	case <-w.done:
		// The writer ended; it may have served this request last.
		if !r.taken.Load() {
			return ErrClosed
		}
		<-r.done
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return context.Cause(ctx)
		}
		<-r.done
	}
	raise(r.err)
	if r.err == nil {
		r.tx.committed()
	}
	return r.err
}

func (w *writer) loop() {
	var batch []*request
	finished := false
	defer func() {
		if finished {
			close(w.done)
			return
		}
		// A closure ended this goroutine. Everyone in the batch is told, and
		// a new goroutine goes on.
		w.settle(batch, errExit)
		go w.loop()
	}()
	for {
		batch = batch[:0]
		select {
		case r := <-w.requests:
			w.serve(&batch, r)
		case <-w.closing:
			for r := w.waiting(); r != nil; r = w.waiting() {
				batch = batch[:0]
				w.serve(&batch, r)
			}
			finished = true
			return
		}
	}
}

// serve carries out a batch that begins with r. The batch is the caller's so
// that it knows whom to tell if a closure ends the goroutine.
func (w *writer) serve(batch *[]*request, r *request) {
	if err := w.conn.run("BEGIN IMMEDIATE"); err != nil {
		if r.taken.CompareAndSwap(false, true) {
			r.err = fmt.Errorf("db: begin: %w", err)
			close(r.done)
		}
		return
	}
	for yielded := false; ; {
		if r.taken.CompareAndSwap(false, true) {
			*batch = append(*batch, r)
			if err := w.carry(r); err != nil {
				w.settle(*batch, err)
				return
			}
		}
		if len(*batch) == maxBatch {
			break
		}
		if r = w.waiting(); r == nil && !yielded {
			// Callers that the previous commit has just answered are about
			// to ask again: let them, once.
			yielded = true
			runtime.Gosched()
			r = w.waiting()
		}
		if r == nil {
			break
		}
	}
	w.settle(*batch, nil)
}

// waiting returns the next request if there is one.
func (w *writer) waiting() *request {
	select {
	case r := <-w.requests:
		return r
	default:
		return nil
	}
}

// carry runs one request in its savepoint. It returns an error if the batch
// cannot go on: without the savepoint it is no longer what its callers wrote.
func (w *writer) carry(r *request) error {
	r.tx = &Tx{ctx: r.ctx, session: w.conn}
	if err := w.conn.run("SAVEPOINT caller"); err != nil {
		return fmt.Errorf("db: savepoint: %w", err)
	}
	r.err = r.tx.end(call(r.fn, r.tx, func() { _ = r.tx.end(nil) }))
	if r.err != nil {
		if err := w.conn.run("ROLLBACK TO caller"); err != nil {
			return fmt.Errorf("db: roll back: %w (after %w)", err, r.err)
		}
	}
	if err := w.conn.run("RELEASE caller"); err != nil {
		return fmt.Errorf("db: release: %w", err)
	}
	return nil
}

// settle ends the batch's transaction and tells every caller. With a cause it
// is rolled back.
func (w *writer) settle(batch []*request, cause error) {
	if cause == nil {
		if cause = w.conn.run("COMMIT"); cause == nil {
			w.commits.Add(1)
		} else {
			cause = fmt.Errorf("db: commit: %w", cause)
		}
	}
	if cause != nil {
		// Fails where nothing is left to roll back, which is as good.
		_ = w.conn.run("ROLLBACK")
	}
	for _, r := range batch {
		if r.err == nil {
			r.err = cause
		}
		close(r.done)
	}
}
