package checker

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"holdfast/appliance/health"
)

// lookHTTP gets a URL once, on a connection of its own. There is no client that
// would follow redirects, keep connections, or ask the environment for proxies:
// the look is at this one server.
func lookHTTP(ctx context.Context, p health.Probe) error {
	req, err := request(p)
	if err != nil {
		return err
	}
	conn, err := dial(ctx, "tcp", p)
	if err != nil {
		return err
	}
	defer conn.Close()
	if req.URL.Scheme == "https" {
		if conn, err = secure(ctx, conn, p, req.URL); err != nil {
			return err
		}
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	return hear200(conn, req, p)
}

func request(p health.Probe) (*http.Request, error) {
	req, err := http.NewRequest(http.MethodGet, p.URL, nil)
	if err != nil {
		return nil, err
	}
	if p.Host != "" {
		req.Host = p.Host
	}
	req.Close = true
	req.Header.Set("User-Agent", "holdfast")
	return req, nil
}

// hear200 reads the answer, and compares it with what is wanted. Answers that
// only come before it (RFC 9110 section 15.2) say nothing.
func hear200(conn io.Reader, req *http.Request, p health.Probe) error {
	limited := &io.LimitedReader{R: conn, N: 2 * enough}
	r := bufio.NewReader(limited)
	for {
		resp, err := http.ReadResponse(r, req)
		switch {
		case limited.N <= 0:
			return fmt.Errorf("the head of the answer is longer than %d KiB", enough>>10)
		case err != nil:
			return err
		case resp.StatusCode >= 200:
			return judge(resp, p)
		}
	}
}

func judge(resp *http.Response, p health.Probe) error {
	defer resp.Body.Close()
	low, high := int(p.Low), int(p.High)
	if low == 0 {
		low, high = 200, 299
	}
	switch status := resp.StatusCode; {
	case (status < low || status > high) && low == high:
		return fmt.Errorf("status %d, want %d", status, low)
	case status < low || status > high:
		return fmt.Errorf("status %d, want %d-%d", status, low, high)
	case p.Expect == "":
		return nil
	}
	found, _, err := find(io.LimitReader(resp.Body, enough), p.Expect)
	if err != nil || found {
		return err
	}
	return fmt.Errorf("status %d, and %q is not in the body", resp.StatusCode, p.Expect)
}

// secure is the connection with TLS around it.
func secure(ctx context.Context, conn net.Conn, p health.Probe, u *url.URL) (net.Conn, error) {
	config := &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: p.Insecure}
	if p.Host != "" {
		config.ServerName = p.Host
		if host, _, err := net.SplitHostPort(p.Host); err == nil {
			config.ServerName = host
		}
	}
	t := tls.Client(conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return conn, tlsReason(err, config.ServerName)
	}
	return t, nil
}

// tlsReason says what is wrong with a handshake, and nothing that changes from
// look to look, as this moment does.
func tlsReason(err error, name string) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case late(err), errors.Is(err, io.EOF):
		return err
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		return fmt.Errorf("TLS: certificate is not valid before %s", invalid.Cert.NotBefore.UTC().Format(time.RFC3339))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errors.New("TLS: certificate has expired")
	case errors.As(err, &unknown):
		return errors.New("TLS: certificate is signed by an authority that this box does not know")
	case errors.As(err, &host):
		return fmt.Errorf("TLS: certificate is for %s, want %s", names(host.Certificate), name)
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && (op.Op == "read" || op.Op == "write") {
		return err // of the connection
	}
	return errors.New("TLS: " + strings.ReplaceAll(err.Error(), "tls: ", ""))
}

// names are those that a certificate is for.
func names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			all = append(all, a.Unmap().String())
		}
	}
	if len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all, ", ")
}
