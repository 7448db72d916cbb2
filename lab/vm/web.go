package vm

import (
	"encoding/pem"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"testing/fstest"

	"holdfast/lab"
)

// Site is who answers https on a host of the lab: images of the lab trust the
// certificate of Go's own tests, which has that name.
const Site = "example.com"

// trusted is what lies over the root of the lab's images.
func trusted() fs.FS {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return fstest.MapFS{"etc/ssl/certs/lab.crt": {Data: text}}
}

// Web is the site on a host, with files by their paths.
func Web(h *lab.Host, files map[string]string) {
	h.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, text)
	}))
	s.Listener.Close()
	if err := h.Do(func() (err error) { s.Listener, err = net.Listen("tcp", Router+":443"); return err }); err != nil {
		h.Fatalf("vm: %v", err)
	}
	s.StartTLS()
	h.Cleanup(s.Close)
}

// DHCP leases a machine its address, and knows the site's. Options are dnsmasq's,
// such as 67,TEXT.
func DHCP(h *lab.Host, link string, options ...string) {
	h.Helper()
	argv := []string{"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file", "--no-hosts", "--no-resolv", "--bind-interfaces", "--log-dhcp", "--log-facility=-",
		"--interface=" + link, "--except-interface=lo", "--dhcp-leasefile=" + h.Dir + "/leases", "--dhcp-range=" + Address + "," + Address + ",255.255.255.0,1h", "--address=/" + Site + "/" + Router}
	for _, o := range options {
		argv = append(argv, "--dhcp-option="+o)
	}
	h.Start("dnsmasq", nil, argv...)
}
