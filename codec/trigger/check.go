package trigger

import "uniapi/codec"

// ErrEmpty is the error of an answer that says nothing.
var ErrEmpty = codec.Empty()

// MayBeEmpty says that an answer without a word has a reason for it: another
// channel would say no more.
func MayBeEmpty(f codec.Finish) bool {
	return f.Reason == codec.FinishLength || f.Reason == codec.FinishFilter
}

// Check looks whether a decoded answer is one.
func Check(a *codec.Response, triggers []string) error {
	for _, c := range a.Choices {
		for _, p := range c.Message.Parts {
			if err := InText(p.Text, triggers); err != nil {
				return err
			}
		}
	}
	if !a.Says() && (len(a.Choices) == 0 || !MayBeEmpty(a.Choices[0].Finish)) {
		return ErrEmpty
	}
	return nil
}
