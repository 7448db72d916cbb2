package wire

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error codes of NOTIFICATION (RFC 4271 section 4.5, RFC 7313, RFC 9687).
const (
	CodeHeader    = 1
	CodeOpen      = 2
	CodeUpdate    = 3
	CodeHoldTimer = 4
	CodeFSM       = 5
	CodeCease     = 6
	CodeRefresh   = 7
	CodeSendHold  = 8
)

// Subcodes of message header errors.
const (
	NotSynchronized = 1
	BadLength       = 2
	BadType         = 3
)

// Subcodes of OPEN errors.
const (
	BadVersion            = 1
	BadPeerAS             = 2
	BadID                 = 3
	UnsupportedParameter  = 4
	BadHoldTime           = 6
	UnsupportedCapability = 7 // RFC 5492
	RoleMismatch          = 11
)

// Subcodes of Cease (RFC 4486, RFC 8538, RFC 9384).
const (
	MaxPrefixes   = 1
	AdminShutdown = 2
	Deconfigured  = 3
	AdminReset    = 4
	Rejected      = 5
	OtherChange   = 6
	Collision     = 7
	OutOfResource = 8
	HardReset     = 9
	BFDDown       = 10
)

var codeTexts = [...]string{CodeHeader: "message header error", CodeOpen: "OPEN error", CodeUpdate: "UPDATE error",
	CodeHoldTimer: "hold timer expired", CodeFSM: "unexpected message", CodeCease: "cease",
	CodeRefresh: "ROUTE-REFRESH error", CodeSendHold: "send hold timer expired"}

var subcodeTexts = map[[2]uint8]string{
	{1, 1}: "connection not synchronized", {1, 2}: "bad message length", {1, 3}: "bad message type",
	{2, 1}: "unsupported version number", {2, 2}: "bad peer AS", {2, 3}: "bad BGP identifier",
	{2, 4}: "unsupported optional parameter", {2, 6}: "unacceptable hold time", {2, 7}: "unsupported capability",
	{2, 11}: "role mismatch",
	{3, 1}:  "malformed attribute list", {3, 2}: "unrecognized well-known attribute", {3, 3}: "missing well-known attribute",
	{3, 4}: "attribute flags error", {3, 5}: "attribute length error", {3, 6}: "invalid origin", {3, 8}: "invalid next hop",
	{3, 9}: "optional attribute error", {3, 10}: "invalid network field", {3, 11}: "malformed AS_PATH",
	{5, 1}: "in OpenSent", {5, 2}: "in OpenConfirm", {5, 3}: "in Established",
	{6, 1}: "maximum number of prefixes reached", {6, 2}: "administrative shutdown", {6, 3}: "peer deconfigured",
	{6, 4}: "administrative reset", {6, 5}: "connection rejected", {6, 6}: "other configuration change",
	{6, 7}: "connection collision resolution", {6, 8}: "out of resources", {6, 9}: "hard reset", {6, 10}: "BFD down",
	{7, 1}: "invalid message length",
}

// CodeText names an error code and subcode: "cease/administrative shutdown".
func CodeText(code, subcode uint8) string {
	text := fmt.Sprintf("error code %d", code)
	if int(code) < len(codeTexts) && codeTexts[code] != "" {
		text = codeTexts[code]
	}
	if sub, ok := subcodeTexts[[2]uint8{code, subcode}]; ok {
		return text + "/" + sub
	}
	if subcode != 0 {
		return fmt.Sprintf("%s/subcode %d", text, subcode)
	}
	return text
}

// Shutdown is a Cease with a text for the people on the other side, cut to 255
// octets. Administrative shutdown and reset have its length before it (RFC 9003
// section 2); others have no form for a text, and ExaBGP sends it as it is.
func Shutdown(subcode uint8, text string) Notification {
	n := Notification{Code: CodeCease, Subcode: subcode}
	if text == "" {
		return n
	}
	for len(text) > 255 {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	if subcode == AdminShutdown || subcode == AdminReset {
		n.Data = append(n.Data, byte(len(text)))
	}
	n.Data = append(n.Data, text...)
	return n
}

// Text is the shutdown communication of a received Cease, fit to be printed:
// what is not printable UTF-8 is replaced (RFC 9003 section 4). A length that
// runs past the message gives "".
func (n Notification) Text() string {
	if n.Code != CodeCease || n.Subcode != AdminShutdown && n.Subcode != AdminReset || len(n.Data) == 0 {
		return ""
	}
	size := int(n.Data[0])
	if size > len(n.Data)-1 {
		return ""
	}
	text := strings.ToValidUTF8(string(n.Data[1:1+size]), "\ufffd")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

func (n Notification) String() string {
	s := CodeText(n.Code, n.Subcode)
	if text := n.Text(); text != "" {
		s += fmt.Sprintf(" (%q)", text)
	}
	return s
}

// AppendNotification appends a NOTIFICATION; data that does not fit is cut.
func AppendNotification(b []byte, n Notification) []byte {
	start := len(b)
	b = append(AppendHeader(b, TypeNotification), n.Code, n.Subcode)
	b = append(b, n.Data[:min(len(n.Data), Packed-HeaderLen-2)]...)
	return PatchLength(b, start)
}

// ParseNotification reads a whole NOTIFICATION; the data is a view.
func ParseNotification(msg []byte) Notification {
	b := msg[HeaderLen:]
	return Notification{Code: b[0], Subcode: b[1], Data: b[2:]}
}
