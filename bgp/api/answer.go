package api

// Ack says whether a helper is answered.
type Ack bool

// AppendAnswers appends what the helper is told once the batch has been
// applied, in the order of its commands: lines of data, then "done", or
// "error: why" and "error". It gives the state of acknowledgements after the
// last command. Data is told whatever that state is.
func (b *Batch) AppendAnswers(out []byte, ack Ack) ([]byte, Ack) {
	item, reply := 0, 0
	for c := range b.Commands {
		for ; reply < len(b.Replies) && b.Replies[reply].Command <= c; reply++ {
			out = append(append(out, b.Replies[reply].Text...), '\n')
		}
		var err error
		answer := ack
		for ; item < len(b.Items) && b.Items[item].Command == c; item++ {
			it := &b.Items[item]
			if err == nil {
				err = it.Err
			}
			answer, ack = it.Kind.ack(answer, ack)
		}
		if answer {
			out = appendAnswer(out, err)
		}
	}
	return out, ack
}

// ack gives whether the command itself is answered, and those after it.
func (k Kind) ack(this, next Ack) (Ack, Ack) {
	switch k {
	case AckOn:
		return true, true
	case AckOff: // the helper waits for the answer to the command that ends them
		return this, false
	case AckSilent:
		return false, false
	}
	return this, next
}

func appendAnswer(out []byte, err error) []byte {
	if err == nil {
		return append(out, "done\n"...)
	}
	out = append(out, "error: "...)
	for _, c := range []byte(err.Error()) {
		if c < ' ' {
			c = ' ' // an answer is one line, whatever the error quotes
		}
		out = append(out, c)
	}
	return append(out, "\nerror\n"...)
}
