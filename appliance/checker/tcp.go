package checker

import (
	"context"
	"fmt"
	"io"

	"holdfast/appliance/health"
)

// lookTCP opens a connection, and says and hears what is wanted.
func lookTCP(ctx context.Context, p health.Probe) error {
	conn, err := dial(ctx, "tcp", p)
	if err != nil {
		return err
	}
	defer conn.Close()
	if p.Send != "" {
		if _, err := io.WriteString(conn, p.Send); err != nil {
			return err
		}
	}
	if p.Expect == "" {
		return nil
	}
	switch found, said, err := find(conn, p.Expect); {
	case err != nil || found:
		return err
	case said == `""`:
		return io.EOF
	default:
		return fmt.Errorf("said %s, want %q", said, p.Expect)
	}
}
