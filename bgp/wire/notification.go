package wire

import "fmt"

// CodeText names an error code and subcode.
func CodeText(code, subcode uint8) string { return fmt.Sprintf("%d/%d", code, subcode) }
