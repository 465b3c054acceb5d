package codec

// Google signs texts too, and recommends that the signatures come back
// (ai.google.dev/gemini-api/docs/thought-signatures). Texts of other formats have no place for one. So it goes to their
// clients behind the text, as thinking without words, which they send back with the answer, and is put into the text
// again when it comes. That of a text which is not there, at the end of a stream, comes back in the last one that is.

// textSigner signs texts, and no thinking.
const textSigner = "google"

// TextProof is what carries the signature of a text that has just been said; false if it has none.
func (e *Event) TextProof() (Event, bool) {
	if e.Kind != EventText || e.Signature.Provider != textSigner || e.Signature.Value == "" {
		return Event{}, false
	}
	return Event{Kind: EventReasoningEnd, Choice: e.Choice, Signature: e.Signature}, true
}

// ProvesText says whether an event ends thinking without a text of its own, and carries the signature of a text.
func (e *Event) ProvesText() bool {
	return e.Kind == EventReasoningEnd && e.Signature.Provider == textSigner && e.Signature.Value != "" && (e.Reasoning == nil || e.Reasoning.Encrypted == "")
}

// TextProof is what carries the signature of a text; false if it has none.
func (p *Part) TextProof() (Part, bool) {
	if p.Kind != PartText || p.Signature.Provider != textSigner || p.Signature.Value == "" {
		return Part{}, false
	}
	return Part{Kind: PartReasoning, Signature: p.Signature}, true
}

// IsTextProof says whether a part carries the signature of a text.
func (p *Part) IsTextProof() bool {
	return p.Kind == PartReasoning && p.Text == "" && p.Signature.Provider == textSigner && p.Signature.Value != ""
}

// SignText puts such a signature into the last text, if that stands at the end of the parts.
func SignText(parts []Part, s Signature) {
	if last := len(parts) - 1; last >= 0 && parts[last].Kind == PartText && parts[last].Signature.Value == "" {
		parts[last].Signature = s
	}
}
