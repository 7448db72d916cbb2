package attr

// Types of an AS_PATH segment (RFC 4271 section 4.3, RFC 5065 section 3).
const (
	ASSet            = 1
	ASSequence       = 2
	ASConfedSequence = 3
	ASConfedSet      = 4
)
