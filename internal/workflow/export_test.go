package workflow

// Ended reports whether the Runner carries no new beats.
func (r *Runner) Ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}
