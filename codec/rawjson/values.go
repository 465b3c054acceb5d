package rawjson

// Values is about how many values there are in a document, members and elements each: for reckoning what decoding it
// will take, before it is checked. It is never less than there are in a good document.
func Values(data []byte) int {
	n := 1
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case ',', '[', '{':
			n++
		case '"':
			end := skipString(data, i, false)
			if end < 0 { // what follows is in no value
				return n
			}
			i = end - 1
		}
	}
	return n
}
