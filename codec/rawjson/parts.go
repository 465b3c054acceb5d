package rawjson

// Parts is a body in which places are changed: what stays of it and what comes between, ready for one writev. Who
// changes members of a body and keeps the rest byte for byte ends here, whether it knows the places, as the head of a
// request does, or has a Splicer find them by the members' names. The places are told in their order.
type Parts struct {
	dst  [][]byte
	body []byte
	pos  int // up to where the body is in dst, or left out
}

// PartsOf begins the parts of a body, which are appended to dst and alias the body.
func PartsOf(dst [][]byte, body []byte) Parts { return Parts{dst: dst, body: body} }

// Replace puts piece, which must stay unchanged, in the place of body[start:end]; an empty one leaves that out.
func (p *Parts) Replace(start, end int, piece []byte) {
	if start > p.pos {
		p.dst = append(p.dst, p.body[p.pos:start])
	}
	if len(piece) > 0 {
		p.dst = append(p.dst, piece)
	}
	p.pos = end
}

// Rest ends the parts with what is left of the body.
func (p *Parts) Rest() [][]byte {
	p.Replace(len(p.body), len(p.body), nil)
	return p.dst
}
