package appliance

import (
	"context"
	"log/slog"
	"sync"
)

// tasks are goroutines that end with the daemon, after what they serve.
type tasks struct {
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

func (t *tasks) run(f func(context.Context) error) {
	if t.ctx == nil {
		t.ctx, t.cancel = context.WithCancel(context.Background())
	}
	t.wait.Go(func() {
		if err := f(t.ctx); err != nil {
			slog.Error("task", "error", err)
		}
	})
}

func (t *tasks) end() {
	t.cancel()
	t.wait.Wait()
}
