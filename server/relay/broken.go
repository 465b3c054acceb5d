package relay

// What becomes of an answer whose stream broke off. The owner of its Delivery decides.

// EndsWell ends an answer whose last word had come when its stream broke off: many formats have more behind it. It must
// be one that is translated.
func (a *Answer) EndsWell() bool {
	t := &a.mixed
	t.begin()
	events, err := t.decoder.End(t.events[:0])
	if err != nil || t.translate(events) != nil {
		return false
	}
	if a.First, err = t.finish(); err != nil {
		return false
	}
	a.Close()
	return true
}

// Finish ends an answer that broke off and that nothing more comes of: it is complete but for what stands behind its
// last word, or as long as it may be.
func (a *Answer) Finish(j *Joint) { a.First, a.encoder = j.finish(), j }

// GiveUp has an answer end with an error, as a part of which another had come.
func (a *Answer) GiveUp(j *Joint) { a.encoder, a.Flow = j, nil }
