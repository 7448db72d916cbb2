package event

import (
	"fmt"

	"holdfast/bgp/wire"
)

// appendOctets appends a message in hexadecimal, header and body, as members of
// an object or as words. A body of nothing is left out, unless the object is all
// about the octets.
func appendOctets(b, msg []byte, empty bool) []byte {
	header, body := msg[:min(len(msg), wire.HeaderLen)], msg[min(len(msg), wire.HeaderLen):]
	b = append(appendHex(append(b, `"header": "0x`...), header), '"')
	if len(body) == 0 && !empty {
		return b
	}
	return append(appendHex(append(b, `, "body": "0x`...), body), '"')
}

// packet appends the event of a message's octets.
func (e *Event) packet(b []byte, kind string, msg []byte) []byte {
	b = fmt.Appendf(e.begin(b, kind), `"message": { "category": %d, `, category(msg))
	return end(e.blank(append(appendOctets(b, msg, true), " }"...)))
}

// category is the type of a message; 0: it is too short for one.
func category(msg []byte) byte {
	if len(msg) < wire.HeaderLen {
		return 0
	}
	return msg[wire.HeaderLen-1]
}

// textOctets appends the same as words.
func textOctets(b, msg []byte) []byte {
	header, body := msg[:min(len(msg), wire.HeaderLen)], msg[min(len(msg), wire.HeaderLen):]
	b = appendHex(append(b, " header 0x"...), header)
	if len(body) == 0 {
		return b
	}
	return appendHex(append(b, " body 0x"...), body)
}

// appendHex appends octets in capitals, as ExaBGP has them.
func appendHex(b, octets []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, o := range octets {
		b = append(b, digits[o>>4], digits[o&15])
	}
	return b
}
