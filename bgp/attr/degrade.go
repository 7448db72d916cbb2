package attr

// Degrade is what makes routes less wanted while they stay announced. Its zero
// value leaves them as they are. Two are the same if they are ==.
type Degrade struct {
	// SetMED says that MULTI_EXIT_DISC is MED, in place of the route's own.
	SetMED bool
	MED    uint32
	// Prepend is how often the own AS number stands in AS_PATH beside what the
	// route and the session want, 0 to 255. Inside an AS it has no effect.
	Prepend uint8
	// Communities are COMMUNITY values of four octets each, in order, which a
	// route gets beside its own (RFC 1997).
	Communities string
	// Graceful adds GRACEFUL_SHUTDOWN, 65535:0 (RFC 8326 section 3), and is
	// LOCAL_PREF 0 inside an AS (section 4.2).
	Graceful bool
}
