package toolid

import "strconv"

// Used has the ids of an answer's or a conversation's calls so far, without signatures, and for each the number that
// the next id that is made of it gets: whoever sends many ids of that form does not make us try them all again for
// each.
type Used map[string]int

// Take is the id if it is none that was taken before; else, and if it is empty, one that is made of it, or of unnamed.
func (u Used) Take(id, unnamed string) string {
	n, known := u[id]
	if id != "" && !known {
		u[id] = 0
		return id
	}
	if n == 0 {
		n = len(u)
		if _, has := u[""]; has { // which is no id
			n--
		}
	}
	base := id + "_"
	if id == "" {
		base = unnamed
	}
	for {
		made := base + strconv.Itoa(n)
		n++
		if _, taken := u[made]; !taken {
			u[id], u[made] = n, 0
			return made
		}
	}
}
