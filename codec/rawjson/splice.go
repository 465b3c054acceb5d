package rawjson

import "slices"

// Edit is one change to the top-level members of an object: Name gets Value, which is raw JSON. A nil Value removes the
// member.
type Edit struct {
	Name  string
	Value []byte
}

// Splicer rewrites top-level members and leaves every other byte as it is: it finds the places that change by the
// members' names. The new body comes out as Parts that alias the old body and the edits. The zero value is ready; Reset
// makes it so again and keeps its memory.
type Splicer struct {
	edits  []Edit
	places map[string]int // of the edits, if they are more than a few
	found  []bool         // by edit: the body has such a member
}

// Reset forgets the edits.
func (s *Splicer) Reset() { s.edits, s.places = s.edits[:0], nil }

// fewEdits are looked through one by one.
const fewEdits = 8

// Set gives the member called name the value, which must be valid JSON and stay unchanged while the parts are in use. A
// member that is missing is added at the end. The last Set or Remove of a name holds.
func (s *Splicer) Set(name string, value []byte) {
	if i := s.find(name); i >= 0 {
		s.edits[i].Value = value
		return
	}
	s.edits = append(s.edits, Edit{name, value})
	if len(s.edits) <= fewEdits {
		return
	}
	if s.places == nil {
		s.places = make(map[string]int)
		for i := range s.edits {
			s.places[s.edits[i].Name] = i
		}
	}
	s.places[name] = len(s.edits) - 1
}

// find is the index of the edit of that name, -1 if there is none.
func (s *Splicer) find(name string) int {
	if s.places != nil {
		if i, has := s.places[name]; has {
			return i
		}
		return -1
	}
	for i := range s.edits {
		if s.edits[i].Name == name {
			return i
		}
	}
	return -1
}

// Remove takes the member called name out, if it is there.
func (s *Splicer) Remove(name string) { s.Set(name, nil) }

// Parts appends the parts of the changed body to dst. A member that occurs several times gets its value in the first
// place and is removed from the others, so that no reader can see an old value and the body grows by each value once.
// The error is a *SyntaxError if body is not one JSON object.
func (s *Splicer) Parts(dst [][]byte, body []byte) ([][]byte, error) {
	if len(s.edits) == 0 {
		return append(dst, body), nil
	}
	p := PartsOf(dst, body)
	s.found = append(s.found[:0], make([]bool, len(s.edits))...)
	kept := -1    // end of the last member that stays
	dropped := -1 // start of a run of removed members that is not cut yet
	end := skipSpace(body, 0) + 1
	it := MembersOf(body)
	for it.Next() {
		end = it.Value.End
		e := s.find(it.Name())
		if e >= 0 {
			again := s.found[e]
			s.found[e] = true
			if again || s.edits[e].Value == nil {
				if dropped < 0 {
					dropped = it.Key.Start
				}
				continue
			}
		}
		switch {
		case dropped >= 0 && kept < 0: // removed from the front, with the comma behind them
			p.Replace(dropped, it.Key.Start, nil)
		case dropped >= 0: // removed from the middle: one of the commas stays
			p.Replace(kept, it.Key.Start, comma)
		}
		dropped, kept = -1, end
		if e >= 0 {
			p.Replace(it.Value.Start, end, s.edits[e].Value)
		}
	}
	if err := it.Err(); err != nil {
		return dst, err
	}
	if dropped >= 0 && kept < 0 {
		p.Replace(dropped, end, nil)
	} else if dropped >= 0 {
		p.Replace(kept, end, nil)
	}
	for i, e := range s.edits {
		if s.found[i] || e.Value == nil {
			continue
		}
		var piece []byte
		if kept >= 0 {
			piece = comma
		}
		kept = end
		piece = append(AppendString(slices.Clone(piece), e.Name), ':')
		p.Replace(end, end, append(piece, e.Value...))
	}
	return p.Rest(), nil
}

var comma = []byte{','}

// With is an object with another value of a member, or as it is if it is none.
func With(object []byte, name string, value []byte) []byte {
	var s Splicer
	s.Set(name, value)
	parts, err := s.Parts(nil, object)
	if err != nil {
		return object
	}
	return slices.Concat(parts...)
}
