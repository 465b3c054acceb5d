package gemini

// openCalls are the function calls of a conversation that have no response yet. They are found by their ids, and by
// their names in the order in which they came: a conversation may have thousands.
type openCalls struct {
	calls   []called
	byID    map[string][]int // in calls, of those that wait or were answered by name
	byName  map[string][]int
	waiting int
}

type called struct {
	id, name string
	answered bool
}

func (o *openCalls) add(id, name string) {
	if o.byID == nil {
		o.byID, o.byName = make(map[string][]int), make(map[string][]int)
	}
	o.byID[id] = append(o.byID[id], len(o.calls))
	o.byName[name] = append(o.byName[name], len(o.calls))
	o.calls = append(o.calls, called{id: id, name: name})
	o.waiting++
}

// answer takes the first call of that id away, or if that is "" the first of that name, and returns its id.
func (o *openCalls) answer(id, name string) (string, bool) {
	queue, key := o.byID, id
	if id == "" {
		queue, key = o.byName, name
	}
	for list := queue[key]; len(list) > 0; list = list[1:] {
		queue[key] = list[1:]
		if c := &o.calls[list[0]]; !c.answered {
			c.answered = true
			o.waiting--
			return c.id, true
		}
	}
	return "", false
}
