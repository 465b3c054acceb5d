package codec

// Own visits the texts of an answer that are its provider's own, and not what the model says: names, ids, reasons,
// addresses. Proofs and encrypted thinking are for nobody to read or to change.
func (a *Response) Own(visit func(*string)) {
	visit(&a.ID)
	visit(&a.Model)
	visit(&a.ServiceTier)
	for i := range a.Choices {
		c := &a.Choices[i]
		c.Finish.own(visit)
		for j := range c.Message.Parts {
			p := &c.Message.Parts[j]
			if p.Call != nil {
				visit(&p.Call.ID)
				visit(&p.Call.Name)
			}
			p.Reasoning.own(visit)
			p.Media.own(visit)
			for k := range p.Citations {
				p.Citations[k].own(visit)
			}
		}
	}
}

// Own is Response.Own for a step of a stream.
func (e *Event) Own(visit func(*string)) {
	switch e.Kind {
	case EventText, EventReasoning, EventToolArguments:
		return // nearly all
	}
	visit(&e.ID)
	visit(&e.Name)
	e.Finish.own(visit)
	e.Reasoning.own(visit)
	e.Media.own(visit)
	e.Citation.own(visit)
}

func (f *Finish) own(visit func(*string)) {
	visit(&f.Native)
	visit(&f.StopSequence)
}

func (r *ReasoningInfo) own(visit func(*string)) {
	if r != nil {
		visit(&r.ID)
		visit(&r.Format)
	}
}

func (m *Media) own(visit func(*string)) {
	if m != nil {
		for _, text := range []*string{&m.MIME, &m.URL, &m.FileID, &m.Name, &m.Detail} {
			visit(text)
		}
	}
}

func (c *Citation) own(visit func(*string)) {
	if c != nil {
		visit(&c.URL)
		visit(&c.Title)
	}
}
