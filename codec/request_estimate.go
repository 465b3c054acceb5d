package codec

// EstimateTokens guesses the tokens of a request: a quarter of its text's bytes, and for an image or a file what a middling one
// takes. It is what a client sees until the upstream has counted.
func (q *Request) EstimateTokens() int64 {
	n := 0
	for i := range q.Tools {
		t := &q.Tools[i]
		n += len(t.Name) + len(t.Description) + len(t.Schema) + len(t.Raw)
	}
	for i := range q.Messages {
		n += 16 + estimateParts(q.Messages[i].Parts)
	}
	return int64(n/4) + 1
}

const mediaEstimate = 4 * 1500

func estimateParts(parts []Part) (n int) {
	for i := range parts {
		p := &parts[i]
		n += len(p.Text) + len(p.Raw)
		if p.Media != nil {
			n += mediaEstimate
		}
		if p.Call != nil {
			n += len(p.Call.Name) + len(p.Call.Arguments)
		}
		if p.Result != nil {
			n += estimateParts(p.Result.Parts)
		}
	}
	return n
}
