package api

// appendPrefix4 appends the NLRI (RFC 4271 section 4.3) of an IPv4 prefix that
// stands at the start of s, "10.1.2.0/24" or "10.1.2.3" for a /32, and says how
// much of s it is. 0 means that it is something else, or not canonical, which
// the grammar then judges: this is the short way for what is always said.
func appendPrefix4(b, s []byte) ([]byte, int) {
	addr, n := address4(s)
	if n == 0 {
		return b, 0
	}
	bits := uint32(32)
	if n < len(s) && s[n] == '/' {
		v, k := number(s[n+1:], 32)
		if k == 0 {
			return b, 0
		}
		bits, n = v, n+1+k
	}
	multicast := addr>>28 == 0xe // a family of its own
	if multicast || uint64(addr)<<bits&0xffffffff != 0 || n < len(s) && s[n] != ' ' {
		return b, 0
	}
	b = append(b, byte(bits), byte(addr>>24), byte(addr>>16), byte(addr>>8), byte(addr))
	return b[:len(b)-4+int(bits+7)/8], n
}

// address4 reads four numbers with dots between, and how long they are.
func address4(s []byte) (addr uint32, n int) {
	for i := range 4 {
		if i > 0 {
			if n >= len(s) || s[n] != '.' {
				return 0, 0
			}
			n++
		}
		v, k := number(s[n:], 255)
		if k == 0 {
			return 0, 0
		}
		addr, n = addr<<8|v, n+k
	}
	return addr, n
}

// number reads a decimal of at most three digits that does not begin with a
// needless zero and is at most limit, and how long it is; 0 is "no".
func number(s []byte, limit uint32) (v uint32, n int) {
	for n < len(s) && n < 4 {
		d := uint32(s[n]) - '0'
		if d > 9 {
			break
		}
		v = v*10 + d
		n++
	}
	if n == 4 || v > limit || n > 1 && s[0] == '0' {
		return 0, 0
	}
	return v, n
}

// appendPrefix6 is appendPrefix4 for IPv6, without the form that ends in an
// IPv4 address.
func appendPrefix6(b, s []byte) ([]byte, int) {
	addr, n := address6(s)
	if n == 0 {
		return b, 0
	}
	bits := 128
	if n < len(s) && s[n] == '/' {
		v, k := number(s[n+1:], 128)
		if k == 0 {
			return b, 0
		}
		bits, n = int(v), n+1+k
	}
	if hostBits(&addr, bits) || n < len(s) && s[n] != ' ' {
		return b, 0
	}
	b = append(b, byte(bits))
	return append(b, addr[:(bits+7)/8]...), n
}

// hostBits says whether a bit behind the first ones is set.
func hostBits(addr *[16]byte, bits int) bool {
	for i := (bits + 7) / 8; i < 16; i++ {
		if addr[i] != 0 {
			return true
		}
	}
	return bits%8 != 0 && addr[bits/8]<<(bits%8) != 0
}

// address6 reads eight groups, or fewer with one "::" (RFC 4291 section 2.2),
// and how long they are.
func address6(s []byte) (addr [16]byte, n int) {
	have, gap := 0, -1
	for have < 16 {
		if len(s) > n+1 && s[n] == ':' && s[n+1] == ':' && gap < 0 {
			gap, n = have, n+2
		} else if have > 0 {
			if n >= len(s) || s[n] != ':' {
				break
			}
			n++
		}
		v, k := group(s[n:])
		if k == 0 {
			if gap == have {
				break // "::" at the end
			}
			return addr, 0
		}
		addr[have], addr[have+1] = byte(v>>8), byte(v)
		have, n = have+2, n+k
	}
	if (gap >= 0) != (have < 16) {
		return addr, 0
	}
	if gap >= 0 {
		copy(addr[16-(have-gap):], addr[gap:have])
		clear(addr[gap : 16-(have-gap)])
	}
	return addr, n
}

// group reads one to four hexadecimal digits.
func group(s []byte) (v uint32, n int) {
	for n < len(s) && n < 5 {
		d := uint32(s[n])
		switch {
		case d-'0' < 10:
			d -= '0'
		case d|0x20-'a' < 6:
			d = d | 0x20 - 'a' + 10
		default:
			return v, n
		}
		v = v<<4 | d
		n++
	}
	if n == 5 {
		return 0, 0
	}
	return v, n
}
