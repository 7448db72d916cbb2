package attr

// Values of ORIGIN (RFC 4271 section 5.1.1).
const (
	OriginIGP        = 0
	OriginEGP        = 1
	OriginIncomplete = 2
)
