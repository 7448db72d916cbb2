package main

import "fmt"

func (d *decoding) capture(path string) error { return fmt.Errorf("%s: captures come next", path) }
