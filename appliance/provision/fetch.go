package provision

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Fetcher gets what a URL stands for.
type Fetcher struct {
	// Signed: bundles without a known signature are refused. Without that,
	// nothing is fetched in the clear: anybody on the way could be its author.
	Signed bool
	// Floor is a time that has certainly passed: a new box's clock may be years
	// behind, and a certificate not valid yet for it.
	Floor time.Time
	Tries int // at least 1
	// Transport is for tests; nil: the network.
	Transport http.RoundTripper
}

// errFinal is an error that another try would give again.
type errFinal struct{ error }

// Fetch gets the octets behind a URL. What may pass is tried again.
func (f Fetcher) Fetch(ctx context.Context, at string) (b []byte, err error) {
	for n := range max(f.Tries, 1) {
		if n > 0 {
			select {
			case <-ctx.Done():
				return nil, errors.Join(ctx.Err(), err)
			case <-time.After(pause(n - 1)):
			}
		}
		b, err = f.once(ctx, at)
		var final errFinal
		if err == nil || errors.As(err, &final) {
			return b, err
		}
	}
	return nil, err
}

func (f Fetcher) once(ctx context.Context, at string) ([]byte, error) {
	if strings.HasPrefix(at, "http://") && !f.Signed {
		return nil, errFinal{fmt.Errorf("%s: without https, only bundles that have to be signed are fetched", at)}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, errFinal{err}
	}
	res, err := f.client().Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s: %s", at, res.Status)
		if res.StatusCode/100 == 4 {
			err = errFinal{err}
		}
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, MaxSize+4<<20+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", at, err)
	case len(b) > MaxSize+4<<20:
		return nil, errFinal{fmt.Errorf("%s: %w", at, errSize)}
	}
	return b, nil
}

func (f Fetcher) client() *http.Client {
	t := f.Transport
	if t == nil {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: 20 * time.Second,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, Time: f.now}}
	}
	return &http.Client{Transport: t, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > 5 {
			return errFinal{errors.New("it is redirected more than 5 times")}
		}
		if req.URL.Scheme != "https" && via[0].URL.Scheme == "https" {
			return errFinal{errors.New("it is redirected away from https")}
		}
		return nil
	}}
}

// now is the clock's time, or the floor if the clock is behind it.
func (f Fetcher) now() time.Time {
	if now := time.Now(); now.After(f.Floor) {
		return now
	}
	return f.Floor
}
