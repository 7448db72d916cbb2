package checker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// TestMain has the system's authorities be one of our own: Go asks for them once
// in a process.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "checker")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "authorities.pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate[0]}), 0o600); err != nil {
			log.Fatal(err)
		}
		os.Setenv("SSL_CERT_FILE", path)
		os.Setenv("SSL_CERT_DIR", dir)
		if os.Getenv(servesWord) != "" {
			return serveAll()
		}
		return m.Run()
	}())
}

// authority signs the certificates of tests.
var authority = certificate(nil, func(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
})

// certificate makes one that by signs, or it itself.
func certificate(by *tls.Certificate, change func(*x509.Certificate)) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: fmt.Sprint(time.Now())},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour)}
	change(c)
	parent, signer := c, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// far is a host at the other end of a wire, with everything that can be looked
// at: eth0 is 192.0.2.1 and 2001:db8::1, and the host 192.0.2.2 and 2001:db8::2.
type far struct {
	*testing.T
	here, there netns.NsHandle
}

// beside runs f on a thread of its own, in a network namespace at the near end
// of the wire.
func beside(t *testing.T, f func(*far)) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		w := &far{T: t}
		w.there, w.here = w.namespace(), w.namespace()
		defer w.there.Close()
		defer w.here.Close()
		w.wire()
		f(w)
	}()
	<-done
}

func (w *far) must(err error) {
	if err != nil {
		w.Helper()
		w.Fatal(err)
	}
}

func (w *far) namespace() netns.NsHandle {
	ns, err := netns.New()
	w.must(err) // root is needed
	w.up("lo")
	return ns
}

func (w *far) up(name string, addrs ...string) {
	l, err := netlink.LinkByName(name)
	w.must(err)
	for _, a := range addrs {
		addr, err := netlink.ParseAddr(a)
		w.must(err)
		addr.Flags = unix.IFA_F_NODAD
		w.must(netlink.AddrAdd(l, addr))
	}
	w.must(netlink.LinkSetUp(l))
}

func (w *far) wire() {
	w.must(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth9"}))
	w.must(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth1"}, PeerName: "eth8"}))
	peer, err := netlink.LinkByName("eth9")
	w.must(err)
	w.must(netlink.LinkSetNsFd(peer, int(w.there)))
	w.must(netns.Set(w.there))
	w.up("eth9", "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64")
	w.must(netns.Set(w.here))
	w.up("eth0", "192.0.2.1/24", "2001:db8::1/64", "fe80::1/64")
	w.up("eth8")
	w.up("eth1", "198.51.100.1/24")
}

// over does what opens sockets at the other end.
func (w *far) over(f func()) {
	w.must(netns.Set(w.there))
	defer func() { w.must(netns.Set(w.here)) }()
	f()
}

func (w *far) listen(at string) (l net.Listener) {
	w.over(func() {
		var err error
		l, err = net.Listen("tcp", at)
		w.must(err)
	})
	w.Cleanup(func() { l.Close() })
	return l
}

// web serves pages at port 80, and with certificates at others.
func (w *far) web(host string) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "OK for %s of %s at %s close %t", r.UserAgent(), r.Host, r.RequestURI, r.Close)
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code := 0
		fmt.Sscan(r.PathValue("code"), &code)
		w.Header().Set("Location", "/ok")
		w.WriteHeader(code)
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints) })
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/close", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", enough-2)+"LATE")
	})
	mux.HandleFunc("/head", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 3*enough))
	})
	w.serve(mux, net.JoinHostPort(host, "80"), nil)
	address := net.ParseIP(host)
	for port, change := range map[string]func(*x509.Certificate){
		"443": func(c *x509.Certificate) { c.DNSNames = []string{"www.example.com"}; c.IPAddresses = []net.IP{address} },
		"444": func(c *x509.Certificate) {
			c.IPAddresses, c.NotAfter = []net.IP{address}, time.Now().Add(-time.Hour)
		},
		"445": func(c *x509.Certificate) {
			c.IPAddresses, c.NotBefore = []net.IP{address}, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
			c.NotAfter = c.NotBefore.Add(time.Hour)
		},
	} {
		c := certificate(&authority, change)
		w.serve(mux, net.JoinHostPort(host, port), &c)
	}
	c := certificate(nil, func(c *x509.Certificate) { c.IPAddresses = []net.IP{address} })
	w.serve(mux, net.JoinHostPort(host, "446"), &c)
}

func (w *far) serve(h http.Handler, at string, c *tls.Certificate) {
	s := &httptest.Server{Listener: w.listen(at), Config: &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}}
	if c == nil {
		s.Start()
	} else {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*c}}
		s.StartTLS()
	}
	w.Cleanup(s.Close)
}

// lines serves text: who says PING hears PONG, and others nothing.
func (w *far) lines(host string) {
	l := w.listen(net.JoinHostPort(host, "6379"))
	greeting := w.listen(net.JoinHostPort(host, "25"))
	silent := w.listen(net.JoinHostPort(host, "26"))
	closing := w.listen(net.JoinHostPort(host, "27"))
	each(l, func(c net.Conn) {
		b := make([]byte, 6)
		io.ReadFull(c, b)
		if string(b) == "PING\r\n" {
			io.WriteString(c, "+PO")
			io.WriteString(c, "NG\r\n")
		}
		io.Copy(io.Discard, c)
	})
	each(greeting, func(c net.Conn) {
		io.WriteString(c, "554 no service\r\n")
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	})
	each(silent, func(c net.Conn) { io.Copy(io.Discard, c) })
	each(closing, func(net.Conn) {})
}

// each serves connections until the listener is closed.
func each(l net.Listener, f func(net.Conn)) {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); f(c) }()
		}
	}()
}

// dns answers questions at port 53, over TCP whatever has no room over UDP.
func (w *far) dns(host string) {
	var udp net.PacketConn
	w.over(func() {
		var err error
		udp, err = net.ListenPacket("udp", net.JoinHostPort(host, "53"))
		w.must(err)
	})
	w.Cleanup(func() { udp.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			for _, answer := range zone(b[:n], false) {
				udp.WriteTo(answer, from)
			}
		}
	}()
	each(w.listen(net.JoinHostPort(host, "53")), func(c net.Conn) {
		var size [2]byte
		io.ReadFull(c, size[:])
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		io.ReadFull(c, b)
		for _, answer := range zone(b, true) {
			c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
		}
	})
}

// zone is what is sent back for a question: what stands before the first dot of
// its name says what.
func zone(question []byte, tcp bool) (answers [][]byte) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response = true
	add := func(b dnsmessage.ResourceBody) {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}, Body: b})
	}
	pack := func() {
		b, err := m.Pack()
		if err != nil {
			panic(err)
		}
		answers = append(answers, b)
	}
	what, _, _ := strings.Cut(q.Name.String(), ".")
	switch what {
	case "nobody":
		m.RCode = dnsmessage.RCodeNameError
	case "broken":
		m.RCode, m.Questions = dnsmessage.RCodeServerFailure, nil
	case "odd":
		m.RCode = 9
	case "silent":
		return nil
	case "empty":
	case "liar": // the right answer comes after wrong ones
		m.ID++
		pack()
		m.ID--
		m.Questions[0].Type = dnsmessage.TypeMX
		pack()
		m.Questions[0].Type = q.Type
		answers = append(answers, []byte("?"))
		add(&dnsmessage.AResource{A: [4]byte{192, 0, 2, 53}})
	case "cut":
		m.Truncated = true
	case "long":
		if m.Truncated = !tcp; tcp {
			add(&dnsmessage.TXTResource{TXT: []string{"over ", "TCP"}})
		}
	default:
		for _, b := range records4(q.Type) {
			add(b)
		}
	}
	pack()
	return answers
}

// records4 are those of a name that is well.
func records4(t dnsmessage.Type) []dnsmessage.ResourceBody {
	host := dnsmessage.MustNewName("host.example.com.")
	switch t {
	case dnsmessage.TypeA:
		return []dnsmessage.ResourceBody{&dnsmessage.CNAMEResource{CNAME: host}, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 8}}, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}}
	case dnsmessage.TypeAAAA:
		return []dnsmessage.ResourceBody{&dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::7").As16()}}
	case dnsmessage.TypeSOA:
		return []dnsmessage.ResourceBody{&dnsmessage.SOAResource{NS: host, MBox: host, Serial: 2026}}
	case dnsmessage.TypeNS:
		return []dnsmessage.ResourceBody{&dnsmessage.NSResource{NS: host}}
	case dnsmessage.TypeCNAME:
		return []dnsmessage.ResourceBody{&dnsmessage.CNAMEResource{CNAME: host}}
	case dnsmessage.TypePTR:
		return []dnsmessage.ResourceBody{&dnsmessage.PTRResource{PTR: host}}
	case dnsmessage.TypeMX:
		return []dnsmessage.ResourceBody{&dnsmessage.MXResource{Pref: 10, MX: host}}
	case dnsmessage.TypeSRV:
		return []dnsmessage.ResourceBody{&dnsmessage.SRVResource{Priority: 1, Weight: 2, Port: 53, Target: host}}
	}
	return []dnsmessage.ResourceBody{&dnsmessage.TXTResource{TXT: []string{"v=spf1 ", "-all"}}}
}
